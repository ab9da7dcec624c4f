/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver for the clock that a device tree names; one whose tree is wrong by a digit meets nothing there.
 * Built with its own tree (OWN_TREE), as firmware brings one, or with the VMM's.
 */
#include "virt.h"

#ifdef OWN_TREE
extern const uint8_t own_tree[];
__asm__(".section .rodata\n.balign 8\nown_tree:\n.incbin \"" OWN_TREE "\"\n.text");
#define TREE(x0) own_tree
#else
#define TREE(x0) find_tree(x0)
#endif

void guest_main(uint64_t dtb)
{
	uint64_t clock = tree_address(TREE(dtb), "arm,pl031"), base = clock, first = 1, second = 2;
	struct cpu *cpu = this_cpu();

	guest_print("tree: the clock is at ");
	guest_print_hex(clock);
	guest_print("\n");
	cpu->expected = 1;
	/* Registers 0xfe0 and 0xfe4 say what it is. */
	base += 0xfe0;
	__asm__ volatile("ldp %w0, %w1, [%2], #8" : "+&r"(first), "+&r"(second), "+&r"(base) : : "memory");
	if (cpu->exceptions) {
		guest_print("tree: external abort, esr ");
		guest_print_hex(cpu->esr);
		guest_print(" far ");
		guest_print_hex(cpu->far);
		guest_print("\n");
		EQUAL(cpu->exceptions, 1);
		EQUAL(EC(cpu->esr), EC_ABORT);
		EQUAL(FSC(cpu->esr), FSC_EXTERNAL);
		EQUAL(cpu->far, clock + 0xfe0);
		EQUAL(first, 1);
		EQUAL(second, 2);
		EQUAL(base, clock + 0xfe0);
		guest_exit(3);
	}
	guest_print("tree: its identification is ");
	guest_print_hex(first);
	guest_print(" ");
	guest_print_hex(second);
	guest_print("\n");
	EQUAL(base, clock + 0xfe8);
	EQUAL(first, 0x31);
	EQUAL(second, 0x10);
}
