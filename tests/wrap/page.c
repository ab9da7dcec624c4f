/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page of the guest that goes bad: HOW says in which way (driver.c). A load from it must be one synchronous
 * external abort with the exact address; what happens instead says how the machine ended.
 */
#include "virt.h"

#define PAGE UINT64_C(0x45000000)

void guest_main(uint64_t dtb)
{
	struct cpu *cpu = this_cpu();
	uint64_t value = 0x1234;

	write64(PAGE + 0x128, 0x600d);
	if (!ask_host(HOW, PAGE))
		guest_exit(77);
	/* An SError tells more than a hang. */
	__asm__ volatile("msr daifclr, #4");
	guest_print("page: loading from it\n");
	cpu->expected = 1;
	__asm__ volatile("ldr %0, [%1]" : "+&r"(value) : "r"(PAGE + 0x128) : "memory");
	if (!cpu->exceptions) {
		guest_print("page: nothing happened, it holds ");
		guest_print_hex(value);
		guest_print("\n");
		guest_exit(4);
	}
	guest_print("page: exception, esr ");
	guest_print_hex(cpu->esr);
	guest_print(" far ");
	guest_print_hex(cpu->far);
	guest_print("\n");
	EQUAL(EC(cpu->esr), EC_ABORT);
	EQUAL(FSC(cpu->esr), FSC_EXTERNAL);
	EQUAL(cpu->far, PAGE + 0x128);
	EQUAL(value, 0x1234);
	/* The rest of the machine goes on. */
	write64(PAGE + 0x1000, 0x5a5a);
	EQUAL(read64(PAGE + 0x1000), 0x5a5a);
	guest_print("page: the guest goes on\n");
}
