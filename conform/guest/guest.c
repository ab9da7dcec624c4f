/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "guest.h"

uint64_t hole, rom, extra, beyond, page, value;
void (*guest_hook)(struct frame *frame);
bool guest_far_unknown;

void guest_begin(void);
void guest_exception(struct frame *frame);
void guest_el0_return(void);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

/*
 * The compiler calls them. Byte by byte: without the MMU all memory is Device, and nothing may be unaligned.
 */
void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = (char)byte;
	return to;
}

/* EL0 has the channel too. */
static uint64_t channel(void)
{
	return READ("tpidr_el0");
}

static void put(uint64_t offset, uint64_t to)
{
	__asm__ volatile("str %0, [%1]" : : "r"(to), "r"(channel() + offset) : "memory");
}

static uint64_t parameter(enum conform_parameter number)
{
	uint64_t read;

	__asm__ volatile("ldr %0, [%1]"
			 : "=r"(read)
			 : "r"(channel() + CHANNEL_PARAMETER + 8 * number)
			 : "memory");
	return read;
}

void guest_begin(void)
{
	hole = parameter(PARAMETER_HOLE);
	rom = parameter(PARAMETER_ROM);
	extra = parameter(PARAMETER_EXTRA);
	beyond = parameter(PARAMETER_BEYOND);
	page = parameter(PARAMETER_PAGE);
	value = parameter(PARAMETER_VALUE);
}

void guest_print(const char *format, const uint64_t *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(CHANNEL_ARGUMENT + 8 * i, values[i]);
	put(CHANNEL_PRINT, (uint64_t)format);
}

void guest_assert(const char *text, uint64_t is, uint64_t wanted, uint64_t line)
{
	put(CHANNEL_ARGUMENT, is);
	put(CHANNEL_ARGUMENT + 8, wanted);
	put(CHANNEL_ARGUMENT + 16, line);
	put(CHANNEL_ASSERT, (uint64_t)text);
}

void guest_sync(uint64_t number)
{
	put(CHANNEL_SYNC, number);
}

void guest_done(void)
{
	for (;;)
		put(CHANNEL_DONE, 0);
}

void guest_skip(const char *why)
{
	for (;;)
		put(CHANNEL_SKIP, (uint64_t)why);
}

/*
 * Condition flags and what features add are the compiler's and the CPU's; so is what is above the syndrome.
 */
#define SPSR_TOLD 0x3003dful
#define ESR_TOLD  0xfffffffful
#define EC_SVC    0x15

void guest_exception(struct frame *frame)
{
	static const char *const from[] = {"el1t", "el1h", "el0", "el0-32"};
	static const char *const kind[] = {"sync", "irq", "fiq", "serror"};
	uint64_t ec = frame->esr >> 26 & 0x3f, which = frame->vector & 3;
	bool abort = ec == 0x20 || ec == 0x21 || ec == 0x24 || ec == 0x25;

	if (which == 0 && ec == EC_SVC) {
		frame->elr = (uint64_t)guest_el0_return;
		frame->spsr = 0x3c5;
		return;
	}
	if (which == 0 && abort && !guest_far_unknown)
		PRINT("taken: sync from %s: esr %x far %p elr %p spsr %x", (uint64_t)from[frame->vector >> 2],
		      frame->esr & ESR_TOLD, frame->far, frame->elr, frame->spsr & SPSR_TOLD);
	else
		PRINT("taken: %s from %s: esr %x elr %p spsr %x", (uint64_t)kind[which],
		      (uint64_t)from[frame->vector >> 2], frame->esr & ESR_TOLD, frame->elr,
		      frame->spsr & SPSR_TOLD);
	if (guest_hook)
		guest_hook(frame);
	else if (which == 0 && (ec & ~1ul) == 0x20)
		frame->elr = frame->x[30]; /* a branch with link led there */
	else if (which == 0)
		frame->elr += 4;
}

#define TABLE  3ul
#define DEVICE 0x60000000000401ul /* a block: attribute 0 (nGnRnE), accessed, never executed */
#define NORMAL 0x705ul            /* a block: attribute 1 (write-back), shareable, accessed */

static _Alignas(4096) uint64_t level1[512];

/* Written with the MMU off, past the caches that walks look into. */
static void invalidate(void)
{
	for (uint64_t i = 0; i < 512; i += 2)
		__asm__ volatile("dc civac, %0" : : "r"(&level1[i]) : "memory");
	__asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb" : : : "memory");
}

void stage1_on(void)
{
	/*
	 * 39-bit addresses of the lower half, 4 KiB granule, inner shareable write-back walks, 36-bit
	 * physical.
	 */
	uint64_t tcr = 25ul | 3ul << 12 | 5ul << 8 | 1ul << 23 | 1ul << 32;

	for (uint64_t i = 0; i < 4; i++) {
		level1[i] = i * CONFORM_GIB | (i == CONFORM_RAM / CONFORM_GIB ? NORMAL : DEVICE);
		level1[CONFORM_ALIAS / CONFORM_GIB + i] = i * CONFORM_GIB | NORMAL;
	}
	__asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2"
			 :
			 : "r"(0xff00ul), "r"(tcr), "r"(level1)
			 : "memory");
	invalidate();
	WRITE("sctlr_el1", READ("sctlr_el1") | 1 | 1 << 2 | 1 << 12);
}

void stage1_walked(uint64_t table)
{
	level1[CONFORM_WALKED / CONFORM_GIB] = table | TABLE;
	invalidate();
}

void stage1_block(uint64_t address)
{
	level1[CONFORM_WALKED / CONFORM_GIB] = address | NORMAL;
	invalidate();
}
