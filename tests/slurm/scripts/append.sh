#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH -o all.log --open-mode=append
echo one more line
