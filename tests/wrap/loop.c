/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver's loop of volatile stores, as compilers translate it, on the PL011; every register is verified. */
#include "virt.h"

#define FIRST UINT64_C(0x09000020)
#define COUNT 7u

/* loop-c.c or loop-rust.rs. */
void program_uart(uint64_t registers, const uint32_t *values, uint64_t count);

static const char *const names[COUNT] = {"UARTILPR", "UARTIBRD", "UARTFBRD", "UARTLCR_H",
					 "UARTCR",   "UARTIFLS", "UARTIMSC"};
static const uint32_t values[COUNT] = {0x5a, 0x27, 0x19, 0x70, 0x301, 0x09, 0x000};

void guest_main(uint64_t dtb)
{
	guest_print("loop: programming the UART\n");
	program_uart(FIRST, values, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		uint32_t is = read32(FIRST + 4 * i);

		guest_print("loop: ");
		guest_print(names[i]);
		guest_print(" is ");
		guest_print_hex(is);
		guest_print(is == values[i] ? ", as written\n" : ", NOT as written\n");
		if (is != values[i])
			guest_exit(1);
	}
	guest_print("loop: every register verified\n");
}
