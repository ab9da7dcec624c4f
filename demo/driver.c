/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver as people write them: plain C, volatile pointers, its device found in the device tree. It fills
 * a FIFO, posts descriptors, and checks what the device received. The compiler turns the loops into
 * post-indexed and paired stores, and nothing in the language says that it may not.
 */
#include "guest.h"

#define WORDS       16
#define DESCRIPTORS 8

struct descriptor {
	uint64_t address;
	uint32_t length, flags;
};

struct device {
	volatile uint32_t fifo[64];
	volatile struct descriptor ring[DESCRIPTORS];
};

static void fill(volatile uint32_t *fifo, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fifo[i] = 0x10001 * i;
}

static void post(volatile struct descriptor *ring, const struct descriptor *first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ring[i] = *first;
}

static uint64_t sum(const volatile struct descriptor *ring, unsigned count)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < count; i++) {
		struct descriptor copy = ring[i];

		total += copy.address + copy.length + copy.flags;
	}
	return total;
}

/* Big-endian cells of the device tree's structure block (Devicetree Specification 0.4, chapter 5). */
static uint32_t cell(uint64_t address)
{
	return __builtin_bswap32(*(const uint32_t *)address);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * The address in reg of the first node that is compatible, with two cells for addresses; 0 if there is
 * none.
 */
static uint64_t find(uint64_t dtb, const char *compatible)
{
	enum { BEGIN_NODE = 1, END_NODE, PROP, NOP, END };
	uint64_t at = dtb + cell(dtb + 8), end = at + cell(dtb + 36), strings = dtb + cell(dtb + 12), reg = 0;
	bool found = false;

	while (at < end) {
		uint32_t token = cell(at);

		at += 4;
		if (token == BEGIN_NODE) {
			found = false;
			reg = 0;
			while (*(const char *)at++)
				;
			at = (at + 3) & ~3ul;
		} else if (token == PROP) {
			uint32_t length = cell(at);
			const char *name = (const char *)(strings + cell(at + 4));

			if (same(name, "reg"))
				reg = (uint64_t)cell(at + 8) << 32 | cell(at + 12);
			if (same(name, "compatible") && same((const char *)at + 8, compatible))
				found = true;
			at = (at + 8 + length + 3) & ~3ul;
		} else if (token == END) {
			break;
		}
		if (found && reg)
			return reg;
	}
	return 0;
}

void guest_main(uint64_t dtb)
{
	const struct descriptor descriptor = {.address = 0x123456789abc, .length = 512, .flags = 3};
	uint64_t base = find(dtb, "salvage,recorder");
	struct device *device = (struct device *)base;

	guest_print("driver: device at ");
	guest_print_hex(base);
	guest_print("\n");
	fill(device->fifo, WORDS);
	post(device->ring, &descriptor, DESCRIPTORS);

	/* What the device received, read one plain load at a time. */
	for (unsigned i = 0; i < WORDS; i++)
		EQUAL(read32(base + i * 4), 0x10001 * i);
	for (unsigned i = 0; i < DESCRIPTORS; i++) {
		uint64_t at = base + 256 + i * sizeof(descriptor);

		EQUAL(read64(at), descriptor.address);
		EQUAL(read32(at + 8), descriptor.length);
		EQUAL(read32(at + 12), descriptor.flags);
	}
	EQUAL(sum(device->ring, DESCRIPTORS),
	      DESCRIPTORS * (descriptor.address + descriptor.length + descriptor.flags));
	guest_print("driver: the device received every word\n");
}
