/* SPDX-License-Identifier: Apache-2.0 */
/* catalog.h - file paths as the catalog writes them: valid UTF-8, with every other byte, control characters
 * and % as %XX. The form is exact: catalog_decode(catalog_encode(p)) is p for any path. */
#ifndef REEVE_CATALOG_H
#define REEVE_CATALOG_H

/* Both results are the caller's. catalog_decode returns NULL when text is not in catalog form or holds %00.
 */
char *catalog_encode(const char *path);
char *catalog_decode(const char *text);

#endif
