/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads and stores that this version does not perform are refused with an abort; nothing is faked. */
#include "guest.h"

#define REFUSED(fsc, text) \
	ABORTS_WITH(fsc, RECORDER, text, , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory")

static void unchanged(void)
{
	EQUAL(read64(RECORDER), 0x1111);
	EQUAL(read64(RECORDER + 8), 0x2222);
}

void guest_main(uint64_t dtb)
{
	uint64_t base = RECORDER, x = 5, y = 6;

	write64(RECORDER, 0x1111);
	write64(RECORDER + 8, 0x2222);
	/* An exclusive could never succeed, and the guest is told so. */
	REFUSED(FSC_ATOMIC, "ldxr %1, [%3]");
	REFUSED(FSC_ATOMIC, "ldaxp %1, %2, [%3]");
	REFUSED(FSC_ATOMIC, "ldxrb %w1, [%3]");
	unchanged();
	EQUAL(x, 5);
	EQUAL(y, 6);
	EQUAL(base, RECORDER);
}
