// SPDX-License-Identifier: Apache-2.0
// machines.tsx - the queue and the workers.

export { QueuePage } from "../world/queue";
export { WorkerPage, Workers } from "../world/workers";
