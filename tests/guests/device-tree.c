/* SPDX-License-Identifier: BSD-2-Clause */
/* Run with --dtb=other.dtb: it is the one that x0 points to. With --append it is the same but for that. */
#include "guest.h"

static const char marker[] = "a device tree of the user's own";

static bool at(uint64_t address, const char *text)
{
	for (; *text; text++, address++)
		if (*(volatile char *)address != *text)
			return false;
	return true;
}

static bool holds(uint64_t dtb, const char *text)
{
	uint32_t size = __builtin_bswap32(*(volatile uint32_t *)(dtb + 4));

	for (uint32_t i = 0; i < size; i++)
		if (at(dtb + i, text))
			return true;
	return false;
}

void guest_main(uint64_t dtb)
{
	EQUAL(holds(dtb, marker), true);
	guest_print(holds(dtb, "bootargs") ? "device-tree: amended\n" : "device-tree: mine\n");
}
