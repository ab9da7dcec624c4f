/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "guest.h"

/*
 * The compiler calls it for structures. Byte by byte: with the MMU off all memory is Device, and nothing may
 * be unaligned.
 */
void *memcpy(void *to, const void *from, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

/* Guests for another VMM's machine bring their own. */
__attribute__((weak)) _Noreturn void guest_exit(unsigned status)
{
	for (;;)
		write32(EXIT_REGISTER, status);
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

static void print_decimal(unsigned value)
{
	if (value >= 10)
		print_decimal(value / 10);
	write8(UART, (uint8_t)('0' + value % 10));
}

_Noreturn void guest_fail(const char *file, unsigned line, const char *what, uint64_t is, uint64_t wanted)
{
	guest_print(file);
	guest_print(":");
	print_decimal(line);
	guest_print(": ");
	guest_print(what);
	guest_print(" is ");
	guest_print_hex(is);
	guest_print(", not ");
	guest_print_hex(wanted);
	guest_print("\n");
	guest_exit(1);
}

__attribute__((weak)) bool guest_handle(struct frame *frame)
{
	return false;
}

/* Called by the vectors. */
void guest_exception(struct frame *frame);

void guest_exception(struct frame *frame)
{
	struct cpu *cpu = this_cpu();

	cpu->exceptions++;
	cpu->esr = frame->esr;
	cpu->far = frame->far;
	cpu->elr = frame->elr;
	cpu->spsr = frame->spsr;
	if (guest_handle(frame))
		return;
	if (cpu->expected) {
		cpu->expected--;
		frame->elr += 4;
		return;
	}
	guest_print("unexpected exception, vector ");
	print_decimal((unsigned)frame->vector);
	guest_print(" esr ");
	guest_print_hex(frame->esr);
	guest_print(" far ");
	guest_print_hex(frame->far);
	guest_print(" elr ");
	guest_print_hex(frame->elr);
	guest_print("\n");
	guest_exit(2);
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
