/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with a bad page, for what KVM does by itself: SErrors are let in, and the run ends with the first
 * that is not expected.
 */
#include "guest.h"

#define PAGE (RAM + 0x400000ul) /* nothing else is in it */

static void fetch(void)
{
	__asm__ volatile("blr %0" : : "r"(PAGE) : "x30", "memory");
}

void guest_main(uint64_t dtb)
{
	uint8_t letter;

	/* The console may not have looked yet. */
	while (read32(UART + 0x18) & 0x10) /* UARTFR.RXFE */
		;
	letter = read8(UART);
	__asm__ volatile("msr daifclr, #4" : : : "memory");
	switch (letter) {
	case 'l': /* load */
		read64(PAGE + 8);
		break;
	case 'r': /* repeated */
		this_cpu()->expected = 1;
		read64(PAGE + 8);
		EQUAL(this_cpu()->exceptions, 1);
		guest_print("once more\n");
		read64(PAGE + 8);
		break;
	case 'i': /* instruction */
		fetch();
		break;
	case 'v': /* the vectors are there */
		__asm__ volatile("msr vbar_el1, %0\n\tisb\n\tsvc #0" : : "r"(PAGE) : "memory");
		break;
	}
	guest_print("no error\n");
}
