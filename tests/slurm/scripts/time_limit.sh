#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@ -o progress.txt
#SBATCH --time=1 --signal=B:USR1@30
# Told in time, it saves its work; then it goes on, and its time ends.
trap 'echo saved >> saved.txt' USR1
echo begun
while :; do sleep 0.2; done
