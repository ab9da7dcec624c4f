/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DC ZVA on a device that is mapped as Normal memory, as a driver does that maps it write-combining and
 * clears it: the block becomes zero, and no byte beside it. Where memory tags are, DC GVA and GZVA.
 */
#include "stage1.h"

#define AT      (STAGE1_PAGES + 0x1000)
#define IPA     (RECORDER + 0x6000)
#define NOWHERE (STAGE1_PAGES + 0x2000)
#define ONES    0xffffffffffffffff

static uint64_t block;

static void fill(void)
{
	for (uint64_t i = 0; i < 3 * block; i += 8)
		write64(IPA + i, ONES);
}

static void zeroed(uint64_t first, uint64_t end)
{
	for (uint64_t i = 0; i < 3 * block; i += 8)
		EQUAL(read64(IPA + i), i >= first && i < end ? 0 : ONES);
}

static void zva(void)
{
	fill();
	__asm__ volatile("dc zva, %0" : : "r"(AT + block) : "memory");
	zeroed(block, 2 * block);
	/* Any address of the block will do. */
	fill();
	__asm__ volatile("dc zva, %0" : : "r"(AT + block - 1) : "memory");
	zeroed(0, block);
	fill();
	ABORTS(NOWHERE + block, "dc zva, %1", : "r"(NOWHERE + block) : "x17", "memory");
	zeroed(0, 0);
}

/* Whether an instruction is there at all: what KVM keeps from a guest may be, and may not be. */
static bool there(void (*run)(uint64_t), uint64_t address)
{
	struct cpu *cpu = this_cpu();
	uint64_t before = cpu->exceptions;

	cpu->expected = 1;
	run(address);
	cpu->expected = 0;
	if (cpu->exceptions == before)
		return true;
	EQUAL(EC(cpu->esr), 0);
	return false;
}

static void gva(uint64_t address)
{
	__asm__ volatile(".arch armv8.5-a+memtag\n dc gva, %0" : : "r"(address) : "memory");
}

static void gzva(uint64_t address)
{
	__asm__ volatile(".arch armv8.5-a+memtag\n dc gzva, %0" : : "r"(address) : "memory");
}

static void tags(void)
{
	fill();
	if (!there(gva, AT + block)) {
		guest_print("zero: this CPU has no DC GVA\n");
		return;
	}
	zeroed(0, 0);
	EQUAL(there(gzva, AT + 2 * block + 3), true);
	zeroed(2 * block, 3 * block);
	guest_print("zero: DC GVA done\n");
}

void guest_main(uint64_t dtb)
{
	uint64_t dczid;

	__asm__("mrs %0, dczid_el0" : "=r"(dczid));
	block = 4ul << (dczid & 0xf);
	guest_print("zero: blocks of ");
	guest_print_hex(block);
	guest_print(" bytes\n");
	stage1_on();
	stage1_page(AT, IPA, STAGE1_NORMAL);
	stage1_page(NOWHERE, HOLE, STAGE1_NORMAL);
	zva();
	tags();
	guest_print("zero: done\n");
}
