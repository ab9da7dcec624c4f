/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads and stores that this version does not decode are refused with an abort; nothing is faked. */
#include "guest.h"

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
	ABORTS(RECORDER, "ldxr %1, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	ABORTS(RECORDER, "ldaxp %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	unchanged();
	ABORTS(RECORDER, ".arch_extension lse\n ldadd %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	ABORTS(RECORDER, ".arch_extension lse\n swp %w1, %w2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	unchanged();
	ABORTS(RECORDER, ".arch_extension simd\n str q0, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	ABORTS(RECORDER, ".arch_extension simd\n stp d0, d1, [%3], #16", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	ABORTS(RECORDER, ".arch_extension simd\n ld1 {v0.16b}, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	unchanged();
	EQUAL(x, 5);
	EQUAL(y, 6);
	EQUAL(base, RECORDER);
}
