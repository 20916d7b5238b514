"""Reads the first event of a topic with the CloudEvents SDK for Python and prints it as JSON.

It knows only the CloudEvents specification and imports nothing from Herald.
Usage: read_event.py <host:port> <topic>
"""

import json
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from kafka import KafkaConsumer

broker, topic = sys.argv[1:]
consumer = KafkaConsumer(
    topic, bootstrap_servers=broker, auto_offset_reset="earliest", consumer_timeout_ms=20_000
)
record = next(consumer, None)
if record is None:
    sys.exit(f"no event on {topic} within 20 s")
event = from_kafka_event(
    KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
)
print(
    json.dumps(
        {
            "specversion": event.get_specversion(),
            "id": event.get_id(),
            "source": event.get_source(),
            "type": event.get_type(),
            "subject": event.get_subject(),
            "time": event.get_time().isoformat(),
            "contentType": event.get_datacontenttype(),
            "dataBytes": len(event.get_data()),
        }
    )
)
