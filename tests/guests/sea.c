/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with three bad pages. What is wrong with them it is told by a letter; each must become the abort
 * that the hardware would have had, and then the guest goes on. MMU off.
 */
#include "guest.h"

#define PAGES     3
#define UART_FR   (UART + 0x18)
#define UART_RXFE (1u << 4)
#define EC_FETCH  0x21 /* instruction abort from the same level */
#define WNR(esr)  ((esr) >> 6 & 1)

/* Pages that nothing else is in; the letter's, so that no case meets what another left. */
static uint64_t page(uint8_t letter, unsigned n)
{
	return RAM + 0x400000ul + (uint64_t)(letter - 'a') * 0x100000 + n * 0x10000ul;
}

/* Back to the caller, which is where a fetch came from that could not be made. */
bool guest_handle(struct frame *frame)
{
	if (EC(frame->esr) != EC_FETCH || !this_cpu()->expected)
		return false;
	this_cpu()->expected--;
	frame->elr = frame->x[30];
	return true;
}

static void fetches(uint64_t address, bool fnv)
{
	struct cpu *cpu = this_cpu();
	uint64_t before = cpu->exceptions;

	cpu->expected = 1;
	__asm__ volatile("blr %0" : : "r"(address) : "x30", "memory");
	EQUAL(cpu->exceptions, before + 1);
	EQUAL(EC(cpu->esr), EC_FETCH);
	EQUAL(FSC(cpu->esr), FSC_EXTERNAL);
	EQUAL(FNV(cpu->esr), fnv);
	EQUAL(cpu->far, fnv ? 0 : address);
	EQUAL(cpu->elr, address);
}

static void loads(uint64_t address, bool fnv)
{
	struct cpu *cpu = this_cpu();
	uint64_t before = cpu->exceptions, value = 0x5a, pc;

	cpu->expected = 1;
	__asm__ volatile("adr x17, 1f\n1: ldr %1, [%2]\n\tmov %0, x17"
			 : "=&r"(pc), "+r"(value)
			 : "r"(address)
			 : "x17", "memory");
	EQUAL(cpu->exceptions, before + 1);
	EQUAL(EC(cpu->esr), EC_ABORT);
	EQUAL(FSC(cpu->esr), FSC_EXTERNAL);
	EQUAL(FNV(cpu->esr), fnv);
	EQUAL(WNR(cpu->esr), 0);
	EQUAL(cpu->far, fnv ? 0 : address);
	EQUAL(cpu->elr, pc);
	EQUAL(value, 0x5a);
	cpu->expected = 0;
}

static void stores(uint64_t address, bool fnv)
{
	struct cpu *cpu = this_cpu();
	uint64_t before = cpu->exceptions;

	cpu->expected = 1;
	write64(address, 1);
	EQUAL(cpu->exceptions, before + 1);
	EQUAL(EC(cpu->esr), EC_ABORT);
	EQUAL(FSC(cpu->esr), FSC_EXTERNAL);
	EQUAL(FNV(cpu->esr), fnv);
	EQUAL(WNR(cpu->esr), 1);
	EQUAL(cpu->far, fnv ? 0 : address);
	cpu->expected = 0;
}

/* Two loads and a store, at odd places of their pages; afterwards the pages are like any other. */
static void data(uint8_t letter, bool fnv)
{
	loads(page(letter, 0) + 0x128, fnv);
	loads(page(letter, 1) + 0xff8, fnv);
	stores(page(letter, 2), fnv);
	for (unsigned n = 0; n < PAGES; n++) {
		write64(page(letter, n) + 8, n + 1);
		EQUAL(read64(page(letter, n) + 8), n + 1);
	}
}

static void code(uint8_t letter)
{
	for (unsigned n = 0; n < PAGES; n++)
		fetches(page(letter, n) + 0x40 * n, false);
}

/* Poisoned pages stay so, for loads as for fetches. */
static void claimed(uint8_t letter)
{
	for (unsigned round = 0; round < 3; round++) {
		loads(page(letter, 0) + 0x128, false);
		loads(page(letter, 1) + 0xff8, false);
		fetches(page(letter, 2) + 0x80, false);
	}
}

/* The vectors are in the bad page. */
static void hopeless(uint8_t letter)
{
	__asm__ volatile("msr vbar_el1, %0\n\tisb" : : "r"(page(letter, 0)) : "memory");
	read64(page(letter, 0) + 8);
	guest_exit(3);
}

/* As without salvage: the load goes on, and an SError waits, masked as they are since the start. */
static void observed(uint8_t letter)
{
	uint64_t isr;

	read64(page(letter, 0) + 8);
	__asm__ volatile("isb\n\tmrs %0, isr_el1" : "=r"(isr) : : "memory");
	EQUAL(isr >> 8 & 1, 1);
}

void guest_main(uint64_t dtb)
{
	uint8_t letter;

	while (read32(UART_FR) & UART_RXFE)
		;
	letter = read8(UART);
	switch (letter) {
	case 'a': /* address */
	case 'b': /* the same, and the run ends before it is through */
	case 'k':
		data(letter, false);
		break;
	case 'e':
	case 'f': /* FnV */
		data(letter, true);
		break;
	case 'g': /* FnV, of fetches */
		for (unsigned n = 0; n < PAGES; n++)
			fetches(page(letter, n), true);
		break;
	case 'i':
	case 'j':
		code(letter);
		break;
	case 'c':
	case 'd':
		claimed(letter);
		break;
	case 'l':
		observed(letter);
		break;
	case 'h':
		hopeless(letter);
	}
	guest_print("sea: done\n");
}
