#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH --no-requeue
echo about to die
kill -KILL $$
echo never
