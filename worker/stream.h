/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - what the two ends of a transfer's stream say: `reeve-worker send` at the source, a pull at the
 * destination. Frames as in proto.h; docs/protocol.md, "Between two workers".
 *
 *   sender     STREAM_MAGIC, before the first frame: what a login script printed is skipped up to it
 *   receiver   S_WANT      u32 n, n × (u32 index, u64 offset): send these, in this order, from there on
 *   sender     S_FILE      u32 index, u64 offset, u64 size: the file that S_BYTES belong to from now on
 *              S_BYTES     raw
 *              S_FILE_END  u32 index, u8 move_end, str text: it was sent whole, and did not change; or why
 * not S_WHOLE     u32 index, u64 offset, raw: all three at once, for what fits one frame receiver   closes
 * when it has what it wants
 */
#ifndef REEVE_WORKER_STREAM_H
#define REEVE_WORKER_STREAM_H

#define STREAM_MAGIC "REEVE-SEND-1\n"
#define STREAM_CHUNK (256u << 10) /* bytes of a file in one frame */
#define STREAM_WANTS 4096         /* in one frame */

enum stream_frame { S_WANT = 1, S_FILE = 16, S_BYTES = 17, S_FILE_END = 18, S_WHOLE = 19 };

#endif
