#!/bin/bash
#SBATCH -D @SHARED@ -o /dev/null
sleep 0.5
echo first >> order.txt
