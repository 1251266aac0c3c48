#!/bin/bash
#SBATCH -D @DIR@
#SBATCH -o all.log --open-mode=append
echo one more line
