/**
 * Does some work for each item, at most `jobs` at once; results in the order of the items. After a failure nothing new
 * starts, and what runs comes to its end before the first error is thrown.
 */
export async function inPool<T, R>(
  items: readonly T[],
  jobs: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [at, item] of queue) {
      if (failed) return;
      try {
        results[at] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(jobs, items.length) }, worker);
  const broken = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (broken?.status === "rejected") throw broken.reason;
  return results;
}
