/* SPDX-License-Identifier: BSD-2-Clause */
/* The channel itself, PSCI, and what the host does to registers. */
#include "guest.h"

GUEST(channel)
{
	PRINT("no value");
	PRINT("%x %d %s %p %p %p", 0xfeul, 42, (uint64_t) "text", hole + 8, alias(rom), 0x123);
	ASSERT(1 + 1, 2);
	guest_sync(7);
	PRINT("value %x", value);
}

GUEST(nothing)
{
}

static int64_t psci(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

	__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (int64_t)x0;
}

/* DEN 0022. The functions of 32 bits answer in W0, which KVM sign-extends. */
GUEST(psci_answers)
{
	PRINT("version major %d", (uint64_t)psci(0x84000000, 0, 0, 0) >> 16);
	PRINT("features of SYSTEM_RESET %x", psci(0x8400000a, 0x84000009, 0, 0));
	PRINT("features of nothing %x", psci(0x8400000a, 0x8400ffff, 0, 0));
	PRINT("no such function %x", psci(0x8400ffff, 0, 0, 0));
	PRINT("CPU_ON of no CPU %x", psci(0xc4000003, 0xff00ff, 0, 0));
	PRINT("CPU_ON of this CPU %x", psci(0xc4000003, READ("mpidr_el1") & 0xff00fffffful, 0, 0));
	PRINT("AFFINITY_INFO of this CPU %x", psci(0xc4000004, READ("mpidr_el1") & 0xff00fffffful, 0, 0));
}

GUEST(psci_off)
{
	psci(0x84000008, 0, 0, 0);
	PRINT("still here");
}

GUEST(psci_reset)
{
	psci(0x84000009, 0, 0, 0);
	PRINT("still here");
}

GUEST(psci_reset2)
{
	psci(0xc4000012, 0, 0, 0);
	PRINT("still here");
}

GUEST(undefined)
{
	TRY(".inst 0", , );
	PRINT("over");
}
