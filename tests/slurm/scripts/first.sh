#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @SHARED@ -o /dev/null
sleep 0.5
echo first >> order.txt
