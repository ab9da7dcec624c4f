/* SPDX-License-Identifier: BSD-2-Clause */
/* The state a guest starts in: the boot protocol of arm64 Linux, and RAM that is there to its last byte. */
#include "guest.h"

#define FDT_MAGIC 0xd00dfeedu

static uint32_t big_endian(uint64_t address)
{
	return __builtin_bswap32(*(volatile uint32_t *)address);
}

void guest_main(uint64_t dtb)
{
	uint64_t el, daif, sctlr, mpidr, x = 5;

	__asm__("mrs %0, currentel\n\tmrs %1, daif\n\tmrs %2, sctlr_el1\n\tmrs %3, mpidr_el1"
		: "=r"(el), "=r"(daif), "=r"(sctlr), "=r"(mpidr));
	EQUAL(el, 1 << 2);
	EQUAL(daif, 0xf << 6);
	EQUAL(sctlr & 5, 0);
	EQUAL(mpidr & 0xff00ffffff, 0);
	EQUAL(dtb & 7, 0);
	EQUAL(big_endian(dtb), FDT_MAGIC);
	/* Run with --mem=2M. */
	*(volatile uint64_t *)(RAM + 0x1ffff8) = 0x77;
	EQUAL(*(volatile uint64_t *)(RAM + 0x1ffff8), 0x77);
	ABORTS(RAM + 0x200000, "ldr %1, [%2], #8", , "+&r"(x) : "r"(RAM + 0x200000) : "x17", "memory");
	ABORTS(RAM + 0x200000, "ldr %1, [%2]", , "+&r"(x) : "r"(RAM + 0x200000) : "x17", "memory");
	EQUAL(x, 5);
}
