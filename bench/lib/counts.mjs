/** What Redis holds of queues 0 to `queues` - 1; `key` names one of BullMQ's keys of a queue. */
export async function countQueues(redis, queues, key) {
  const pipeline = redis.pipeline();
  for (let queue = 0; queue < queues; queue++) {
    pipeline.zcard(key(queue, 'completed')).llen(key(queue, 'wait')).llen(key(queue, 'active'));
  }
  const answers = (await pipeline.exec()).map(([, count]) => count);
  return Array.from({ length: queues }, (_, n) => ({
    completed: answers[n * 3],
    left: answers[n * 3 + 1] + answers[n * 3 + 2],
  }));
}
