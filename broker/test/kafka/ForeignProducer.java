import java.util.ArrayList;
import java.util.Properties;
import java.util.Scanner;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * ForeignProducer BOOTSTRAP TOPIC COMPRESSION...: sends each line of its input as key and value, by
 * turns under each compression; prints partition and key.
 */
class ForeignProducer {
  public static void main(String[] args) throws Exception {
    var producers = new ArrayList<KafkaProducer<String, String>>();
    for (var index = 2; index < args.length; index += 1) {
      var properties = new Properties();
      properties.put("bootstrap.servers", args[0]);
      properties.put("compression.type", args[index]);
      properties.put("linger.ms", "50");
      var serializer = "org.apache.kafka.common.serialization.StringSerializer";
      properties.put("key.serializer", serializer);
      properties.put("value.serializer", serializer);
      producers.add(new KafkaProducer<>(properties));
    }
    var out = new java.io.PrintStream(System.out, true, "UTF-8");
    var lines = new Scanner(System.in, "UTF-8");
    for (var turn = 0; lines.hasNextLine(); turn += 1) {
      var key = lines.nextLine();
      producers.get(turn % producers.size()).send(new ProducerRecord<>(args[1], key, key),
          (sent, fault) -> out.println(fault == null ? sent.partition() + "\t" + key : "fault\t" + fault));
    }
    for (var producer : producers) producer.close();
  }
}
