#!/bin/bash
#SBATCH -D @DIR@
#SBATCH --no-requeue
echo about to die
kill -KILL $$
echo never
