/* SPDX-License-Identifier: BSD-2-Clause */
#include "virt.h"

#define UART_FR  (UART + 0x18)
#define RXFE     0x10u
#define FDT_WORD 0xd00dfeedu

/* In place of the test platform's: this machine has no exit register. */
_Noreturn void guest_exit(unsigned status)
{
	guest_print("status ");
	print_number(status);
	guest_print("\n");
	for (;;)
		guest_psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void print_number(uint64_t value)
{
	if (value >= 10)
		print_number(value / 10);
	write8(UART, (uint8_t)('0' + value % 10));
}

static uint8_t read_byte(void)
{
	while (read32(UART_FR) & RXFE)
		;
	return (uint8_t)read32(UART);
}

bool ask_host(const char *what, uint64_t address)
{
	char line[64];
	unsigned length = 0;

	guest_print("@");
	guest_print(what);
	guest_print(" ");
	guest_print_hex(address);
	guest_print("\n");
	do {
		line[length] = (char)read_byte();
	} while (line[length] != '\n' && ++length < sizeof(line) - 1);
	line[length] = 0;
	if (length == 4 && line[0] == 'd' && line[1] == 'o' && line[2] == 'n' && line[3] == 'e')
		return true;
	guest_print(line);
	guest_print("\n");
	return false;
}

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_tree(const uint8_t *bytes)
{
	return word(bytes) == FDT_WORD;
}

const uint8_t *find_tree(uint64_t x0)
{
	const uint8_t *tree = (const uint8_t *)(x0 ? x0 : RAM);

	if (!is_tree(tree))
		guest_fail(__FILE__, __LINE__, "the tree's first word", word(tree), FDT_WORD);
	return tree;
}

static bool same(const char *text, const char *other)
{
	while (*text && *text == *other) {
		text++;
		other++;
	}
	return *text == *other;
}

/* One of the texts that a property holds one after the other. */
static bool lists(const uint8_t *value, uint32_t length, const char *text)
{
	for (uint32_t i = 0; i < length; i++)
		if ((i == 0 || !value[i - 1]) && same((const char *)value + i, text))
			return true;
	return false;
}

uint64_t tree_address(const uint8_t *tree, const char *compatible)
{
	enum { BEGIN_NODE = 1, END_NODE, PROPERTY, NOP, END = 9 };
	const uint8_t *at = tree + word(tree + 8), *strings = tree + word(tree + 12);
	uint64_t address = 0;
	bool fits = false;

	/* Devices are the root's children and have none of their own with registers of this machine's. */
	for (uint32_t token; (token = word(at)) != END;) {
		at += 4;
		if (token == BEGIN_NODE) {
			fits = false;
			address = 0;
			while (*at++)
				;
		} else if (token == PROPERTY) {
			uint32_t length = word(at);
			const char *name = (const char *)strings + word(at + 4);

			at += 8;
			if (same(name, "compatible"))
				fits = lists(at, length, compatible);
			if (same(name, "reg") && length >= 8)
				address = (uint64_t)word(at) << 32 | word(at + 4);
			at += length;
		} else if (token == END_NODE && fits && address) {
			return address;
		}
		at = (const uint8_t *)(((uint64_t)at + 3) & ~3ul);
	}
	return 0;
}
