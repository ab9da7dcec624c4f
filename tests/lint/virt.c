/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests/guests/guest.c is to the reference VMM's platform, for QEMU's "virt": the same PL011, but no
 * exit register and no recorder. A run ends by PSCI, and with QEMU's status 0.
 */
#include <stddef.h>

#include "guest.h"

void *memcpy(void *to, const void *from, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

int64_t guest_psci(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

	__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (int64_t)x0;
}

_Noreturn void guest_exit(unsigned status)
{
	for (;;)
		guest_psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void guest_print(const char *text)
{
	for (; *text; text++)
		write8(UART, (uint8_t)*text);
}

void guest_print_hex(uint64_t value)
{
	guest_print("0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		write8(UART, (uint8_t) "0123456789abcdef"[value >> shift & 15]);
}

_Noreturn void guest_fail(const char *file, unsigned line, const char *what, uint64_t is, uint64_t wanted)
{
	guest_print("failed: ");
	guest_print(what);
	guest_print("\n");
	guest_exit(1);
}

/* Called by the vectors: the instruction is skipped. */
void guest_exception(struct frame *frame);

void guest_exception(struct frame *frame)
{
	frame->elr += 4;
}
