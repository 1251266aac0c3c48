-- SPDX-License-Identifier: Apache-2.0
-- How things stood is counted over looks.

comment on column insights.what is 'looks (how often the engine looked); ready, running (tasks, summed over the looks); succeeded, failed, cancelled (attempts that ended so); cpus, used (of a site, summed over the looks); moved (bytes that arrived); wait:K, launch:K (starts that took at most 0.1 s times two to the power of K); end:OUTCOME (failures).';
