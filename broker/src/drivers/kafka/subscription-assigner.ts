import kafkajs, { type PartitionAssigner } from 'kafkajs'

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol
const version = 0

/**
 * Shares the partitions of each topic among the members that subscribe to it, evenly. kafkajs' own
 * assigner gives every member partitions of the leader's topics: a member that does not subscribe
 * to a topic drops its share of the events (kafkajs FAQ, "messages for topics I'm not subscribed
 * to"). The protocol has a name of its own, so Kafka refuses members that use another assigner
 * (INCONSISTENT_GROUP_PROTOCOL) instead of mixing them.
 */
export const assignBySubscription: PartitionAssigner = ({ cluster }) => ({
  name: 'HeraldSubscriptionAssigner',
  version,

  async assign({ members }) {
    const topicsOf = new Map(
      members.map(({ memberId, memberMetadata }) => [
        memberId,
        MemberMetadata.decode(memberMetadata)?.topics ?? [],
      ]),
    )
    const topics = [...new Set([...topicsOf.values()].flat())].sort()
    // The leader's client knows its own topics only.
    await cluster.addMultipleTargetTopics(topics)
    const memberIds = [...topicsOf.keys()].sort()
    const assignments = new Map<string, Record<string, number[]>>(memberIds.map((id) => [id, {}]))
    for (const topic of topics) {
      const subscribers = memberIds.filter((id) => topicsOf.get(id)?.includes(topic))
      const partitions = cluster.findTopicPartitionMetadata(topic).map((each) => each.partitionId)
      for (const [index, partition] of partitions.sort((a, b) => a - b).entries()) {
        const assignment = assignments.get(subscribers[index % subscribers.length] as string)
        if (assignment !== undefined) assignment[topic] = [...(assignment[topic] ?? []), partition]
      }
    }
    return [...assignments].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version,
        assignment,
        userData: Buffer.alloc(0),
      }),
    }))
  },

  protocol({ topics }) {
    return {
      name: this.name,
      metadata: MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }
  },
})
