/* SPDX-License-Identifier: BSD-2-Clause */
#include "stage1.h"

#define TABLE 3ul
#define BLOCK 2ul /* what a block lacks of a page's descriptor bits */
#define MIB   0x100000ul

typedef uint64_t table[512];
static _Alignas(4096) table level1, devices2, ram2, pages3;

void stage1_page(uint64_t va, uint64_t ipa, uint64_t type)
{
	pages3[va >> 12 & 511] = type ? ipa | type : 0;
	__asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb" : : : "memory");
}

void stage1_on(void)
{
	/*
	 * 39-bit addresses of the lower half, 4 KiB granule, inner shareable write-back walks, 40-bit
	 * physical.
	 */
	uint64_t tcr = 25ul | 3ul << 12 | 5ul << 8 | 1ul << 23 | 2ul << 32, sctlr;

	level1[0] = (uint64_t)devices2 | TABLE;
	level1[1] = (uint64_t)ram2 | TABLE;
	for (uint64_t i = 0; i < 512; i++) {
		devices2[i] = i * 2 * MIB | (STAGE1_DEVICE & ~BLOCK);
		ram2[i] = (RAM + i * 2 * MIB) | (STAGE1_NORMAL & ~BLOCK);
	}
	devices2[STAGE1_PAGES / (2 * MIB)] = (uint64_t)pages3 | TABLE;
	__asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\t"
			 "dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb"
			 :
			 : "r"(0xff00ul), "r"(tcr), "r"(level1)
			 : "memory");
	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	__asm__ volatile("msr sctlr_el1, %0\n\tisb" : : "r"(sctlr | 1 | 1 << 2 | 1 << 12) : "memory");
}
