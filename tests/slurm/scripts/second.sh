#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @SHARED@ -o /dev/null
#SBATCH -d afterok:@first@
echo second >> order.txt
exit 1
