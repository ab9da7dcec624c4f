/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 1 for guests that want other memory types than the MMU's absence gives, or pages that lie apart: all
 * is mapped where it is, RAM as Normal memory, the rest as Device memory.
 */
#ifndef STAGE1_H
#define STAGE1_H

#include "guest.h"

/* What a page can be. */
#define STAGE1_NONE   0ul
#define STAGE1_DEVICE 0x403ul /* attribute 0 (nGnRnE), accessed */
#define STAGE1_NORMAL 0x707ul /* attribute 1 (write-back), shareable, accessed */

/* Pages from here to the next 2 MiB boundary can be mapped one by one; where the platform has nothing. */
#define STAGE1_PAGES 0x0c000000ul

void stage1_on(void);

/* Maps one page of STAGE1_PAGES. */
void stage1_page(uint64_t va, uint64_t ipa, uint64_t type);

#endif
