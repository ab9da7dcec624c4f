/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the in-kernel GIC by instructions that the CPU does not describe. What each reads must be
 * what a plain load reads there, which the kernel answers itself; what each writes must be what a plain load
 * finds afterwards, and what a plain store would have left.
 */
#include "guest.h"

#define GICD      0x08000000ul
#define GICR(cpu) (0x080a0000ul + (cpu)*0x20000ul)
#define SGI(cpu)  (GICR(cpu) + 0x10000ul)
#define ROUNDS    2

static volatile uint64_t running, stop;

static void read_pair(uint64_t address)
{
	uint64_t x = ~0ul, y = ~0ul;

	__asm__ volatile("ldp %w0, %w1, [%2]" : "=&r"(x), "=&r"(y) : "r"(address) : "memory");
	EQUAL(x, read32(address));
	EQUAL(y, read32(address + 4));
}

static void read_next(uint64_t address)
{
	uint64_t base = address, x = ~0ul;

	__asm__ volatile("ldr %w1, [%0], #4" : "+&r"(base), "=&r"(x) : : "memory");
	EQUAL(base, address + 4);
	EQUAL(x, read32(address));
	__asm__ volatile("ldrsw %1, [%0, #-4]!" : "+&r"(base), "=&r"(x) : : "memory");
	EQUAL(base, address);
	EQUAL(x, (uint64_t)(int32_t)read32(address));
}

static void read_wide(uint64_t address)
{
	uint64_t base = address, x = ~0ul;

	__asm__ volatile("ldr %1, [%0], #8" : "+&r"(base), "=&r"(x) : : "memory");
	EQUAL(base, address + 8);
	EQUAL(x, read64(address));
	read_next(address);
	read_next(address + 4);
}

static void read_bytes(uint64_t address)
{
	uint64_t base = address, x = ~0ul;

	for (unsigned i = 0; i < 8; i++) {
		__asm__ volatile("ldrb %w1, [%0], #1" : "+&r"(base), "=&r"(x) : : "memory");
		EQUAL(x, read8(address + i));
	}
	EQUAL(base, address + 8);
}

/* Every register that can be read, and some of those that nothing stands behind. */
static void reads(unsigned cpu)
{
	static const uint16_t banks[] = {0x080, 0x100, 0x180, 0x300, 0x380, 0x400, 0x800, 0xc00, 0xd00};

	read_pair(GICD + 0x0);
	read_pair(GICD + 0x8);
	read_next(GICD + 0x4);
	read_next(GICD + 0xc);
	for (unsigned i = 0; i < sizeof(banks) / sizeof(*banks); i++) {
		read_pair(GICD + banks[i]);
		read_pair(GICD + banks[i] + 8);
		read_next(GICD + banks[i] + 4);
		read_next(GICD + banks[i] + 0x7c);
	}
	read_bytes(GICD + 0x420);
	read_bytes(GICD + 0x820);
	read_wide(GICD + 0x6000);
	read_wide(GICD + 0x6000 + 33 * 8);
	read_next(GICD + 0xffe8);

	read_pair(GICR(cpu));
	read_wide(GICR(cpu) + 0x8);
	read_next(GICR(cpu) + 0x14);
	read_wide(GICR(cpu) + 0x70);
	read_wide(GICR(cpu) + 0x78);
	read_wide(GICR(cpu) + 0xa0);
	read_next(GICR(cpu) + 0xc0);
	read_next(GICR(cpu) + 0xffe8);
	for (unsigned i = 0; i < 5; i++)
		read_next(SGI(cpu) + banks[i]);
	read_pair(SGI(cpu) + 0x400);
	read_bytes(SGI(cpu) + 0x418);
	read_pair(SGI(cpu) + 0xc00);
	read_next(SGI(cpu) + 0xd00);
	read_next(SGI(cpu) + 0xe00);
}

/*
 * As two plain stores would do it: the same two values, once by each road, leave the same. What reset gave is
 * put back by clear, where it is another register than the one that sets.
 */
static void write_pair(uint64_t address, uint64_t clear, uint32_t first, uint32_t second)
{
	uint32_t before[2] = {read32(address), read32(address + 4)}, plain[2];
	uint64_t base = address;

	write32(address, first);
	write32(address + 4, second);
	plain[0] = read32(address);
	plain[1] = read32(address + 4);
	for (unsigned i = 0; i < 2; i++)
		write32(clear + 4 * i, clear == address ? before[i] : plain[i] & ~before[i]);
	EQUAL(read32(address), before[0]);
	__asm__ volatile("stp %w1, %w2, [%0], #8" : "+&r"(base) : "r"(first), "r"(second) : "memory");
	EQUAL(base, address + 8);
	EQUAL(read32(address), plain[0]);
	EQUAL(read32(address + 4), plain[1]);
	base = clear;
	for (unsigned i = 0; i < 2; i++)
		__asm__ volatile("str %w1, [%0], #4"
				 : "+&r"(base)
				 : "r"(clear == address ? before[i] : plain[i] & ~before[i])
				 : "memory");
	EQUAL(base, clear + 8);
	EQUAL(read32(address), before[0]);
	EQUAL(read32(address + 4), before[1]);
}

static void write_next(uint64_t address, uint64_t clear, uint32_t value)
{
	uint32_t before = read32(address), plain, back;
	uint64_t base = address;

	write32(address, value);
	plain = read32(address);
	back = clear == address ? before : plain & ~before;
	write32(clear, back);
	EQUAL(read32(address), before);
	__asm__ volatile("str %w1, [%0], #4" : "+&r"(base) : "r"(value) : "memory");
	EQUAL(base, address + 4);
	EQUAL(read32(address), plain);
	base = clear - 4;
	__asm__ volatile("str %w1, [%0, #4]!" : "+&r"(base) : "r"(back) : "memory");
	EQUAL(base, clear);
	EQUAL(read32(address), before);
}

static void write_wide(uint64_t address, uint64_t value)
{
	uint64_t before, plain, base = address;

	/* What reset gave may be a value that no write leaves. */
	write64(address, read64(address));
	before = read64(address);
	write64(address, value);
	plain = read64(address);
	write64(address, before);
	__asm__ volatile("str %1, [%0], #8" : "+&r"(base) : "r"(value) : "memory");
	EQUAL(base, address + 8);
	EQUAL(read64(address), plain);
	base = address;
	__asm__ volatile("str %1, [%0], #8" : "+&r"(base) : "r"(before) : "memory");
	EQUAL(read64(address), before);
}

static void write_byte(uint64_t address, uint8_t value)
{
	uint32_t before = read32(address & ~3ul), plain;
	uint64_t base = address;

	write8(address, value);
	plain = read32(address & ~3ul);
	write32(address & ~3ul, before);
	__asm__ volatile("strb %w1, [%0], #1" : "+&r"(base) : "r"(value) : "memory");
	EQUAL(base, address + 1);
	EQUAL(read32(address & ~3ul), plain);
	write32(address & ~3ul, before);
}

static void writes(unsigned cpu)
{
	write_next(GICD, GICD, 0xffffffff);
	write_pair(GICD, GICD, 2, 0xffffffff);
	write_next(GICD + 0x4, GICD + 0x4, 0xffffffff);
	write_pair(GICD + 0x080, GICD + 0x080, 0x12345678, 0x9abcdef0);
	write_pair(GICD + 0x084, GICD + 0x084, 0x12345678, 0x9abcdef0);
	/* Sets, and what clears them. */
	write_pair(GICD + 0x100, GICD + 0x180, 0xffffffff, 0x5a5a5a5a);
	write_pair(GICD + 0x104, GICD + 0x184, 0x0f0f0f0f, 0x5a5a5a5a);
	write_pair(GICD + 0x300, GICD + 0x380, 0xffffffff, 0x3c3c3c3c);
	write_pair(GICD + 0x304, GICD + 0x384, 0x000000f0, 0x3c3c3c3c);
	write_pair(GICD + 0x420, GICD + 0x420, 0xffffffff, 0x80a0c0e0);
	write_byte(GICD + 0x421, 0xff);
	write_byte(GICD + 0x423, 0x5f);
	write_pair(GICD + 0x820, GICD + 0x820, 0x01010101, 0x01010101);
	write_pair(GICD + 0xc08, GICD + 0xc08, 0xaaaaaaaa, 0x55555555);
	write_next(GICD + 0xd04, GICD + 0xd04, 0xffffffff);
	write_wide(GICD + 0x6000 + 33 * 8, 0xffffffffffffffff);
	write_wide(GICD + 0x6000 + 34 * 8, 1);
	write_next(GICD + 0x6000 + 35 * 8, GICD + 0x6000 + 35 * 8, 1);
	write_next(GICD + 0x6004 + 35 * 8, GICD + 0x6004 + 35 * 8, 1);
	write_next(GICD + 0xffe8, GICD + 0xffe8, 0xffffffff);

	write_pair(GICR(cpu), GICR(cpu), 0xffffffff, 0xffffffff);
	write_wide(GICR(cpu) + 0x8, ~0ul);
	write_next(GICR(cpu) + 0x14, GICR(cpu) + 0x14, 2);
	write_wide(GICR(cpu) + 0x70, 0x070000004000078ful);
	write_wide(GICR(cpu) + 0x78, 0xffffffffffffffff);
	write_next(GICR(cpu) + 0x70, GICR(cpu) + 0x70, 0x40000f8f);
	write_next(SGI(cpu) + 0x080, SGI(cpu) + 0x080, 0x0ff0f00f);
	write_next(SGI(cpu) + 0x100, SGI(cpu) + 0x180, 0x0800ff00);
	write_pair(SGI(cpu) + 0x408, SGI(cpu) + 0x408, 0x80a0c0e0, 0x10305070);
	write_byte(SGI(cpu) + 0x41b, 0xc8);
	write_next(GICR(cpu) + 0xc0, GICR(cpu) + 0xc0, 0xffffffff);
	write_next(GICR(cpu) + 0xffe8, GICR(cpu) + 0xffe8, 0xffffffff);
	write_next(SGI(cpu) + 0xd00, SGI(cpu) + 0xd00, 0xffffffff);
	write_next(SGI(cpu) + 0xe00, SGI(cpu) + 0xe00, 0xffffffff);
	write_pair(SGI(cpu) + 0xc00, SGI(cpu) + 0xc00, 0xaaaaaaaa, 0x55555555);
}

/* No register changes, and nothing is written: ISPENDR says so to a plain load. */
static void refused(void)
{
	uint64_t x = 0xf0, y = 0x0f, base = GICD + 0x284;
	uint32_t pending;

	write32(GICD + 0x204, 0xff00);
	pending = read32(GICD + 0x204);
	EQUAL(pending, 0xff00);
	ABORTS(GICD + 0x284, "str %w1, [%3], #4", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	ABORTS(GICD + 0x284, "ldp %w1, %w2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(base, GICD + 0x284);
	EQUAL(read32(GICD + 0x204), pending);
	base = GICD + 0x204;
	ABORTS(GICD + 0x204, "stp %w1, %w2, [%3], #8", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(read32(GICD + 0x204), pending);
	write32(GICD + 0x284, 0xff00);
	EQUAL(read32(GICD + 0x204), 0);
	base = SGI(0) + 0x300;
	ABORTS(SGI(0) + 0x300, "str %w1, [%3], #4", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	base = GICD + 0x008;
	ABORTS(GICD + 0x008, "str %w1, [%3], #4", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	base = GICD + 0xf00;
	ABORTS(GICD + 0xf00, "str %w1, [%3], #4", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	/* A size that the register does not take, and an address that no register has. */
	base = GICD + 0x100;
	ABORTS(GICD + 0x100, "ldp %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	base = GICD + 0x2000;
	ABORTS(GICD + 0x2000, "ldr %w1, [%3], #4", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(x, 0xf0);
	EQUAL(y, 0x0f);
	/* The first half could be written, the second could not: neither is. */
	base = GICD + 0x1fc;
	ABORTS(GICD + 0x200, "stp %w1, %w2, [%3], #8", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(base, GICD + 0x1fc);
}

/* Device accesses of its own, paused again and again, and reads of the same registers. */
static void second(void)
{
	uint64_t i = 0;

	running = 1;
	while (!stop) {
		uint64_t base = RECORDER + 0x100, x, y;

		__asm__ volatile("stp %1, %2, [%0], #16" : "+&r"(base) : "r"(i), "r"(~i) : "memory");
		__asm__ volatile("ldp %1, %2, [%0, #-16]!" : "+&r"(base), "=&r"(x), "=&r"(y) : : "memory");
		EQUAL(x, i);
		EQUAL(y, ~i);
		read_next(GICD + 0x4);
		read_wide(GICR(1) + 0x8);
		write_pair(SGI(1) + 0x410, SGI(1) + 0x410, (uint32_t)i, 0x5050);
		i++;
	}
	running = 0;
}

void guest_main(uint64_t dtb)
{
	bool two = !guest_psci(PSCI_CPU_ON, 1, (uint64_t)start_secondary, (uint64_t)second);

	while (two && !running)
		;
	for (unsigned round = 0; round < (two ? ROUNDS : 1); round++) {
		reads(0);
		writes(0);
	}
	stop = 1;
	while (two && running)
		;
	if (two) {
		reads(1);
		writes(1);
	}
	refused();
	guest_print("gic: done\n");
}
