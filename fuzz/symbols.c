/* SPDX-License-Identifier: BSD-2-Clause */
/* The symbols of an ELF file, in memory and as a file, and what addresses are called. */
#include <string.h>
#include <stdlib.h>

#include "vmm/symbols.h"

#include "fuzz.h"

static void find(const struct vmm_symbols *symbols, uint64_t pc)
{
	char text[VMM_SYMBOL_TEXT + 1];
	bool found;

	text[VMM_SYMBOL_TEXT] = 'x';
	found = vmm_symbols_find(symbols, pc, text);
	claim(memchr(text, 0, VMM_SYMBOL_TEXT) && text[VMM_SYMBOL_TEXT] == 'x');
	claim(found == !!*text);
	for (const char *at = text; *at; at++)
		claim(*at > ' ' && *at < 0x7f);
	claim(!found || strstr(text, "+0x"));
}

static void look(struct vmm_symbols *symbols, uint64_t pc)
{
	static const uint64_t addresses[] = {0, 0x40080000, 0x40080010, UINT64_MAX};

	for (size_t i = 0; i < COUNT(addresses); i++)
		find(symbols, addresses[i]);
	find(symbols, pc);
	find(symbols, pc & 0xffff);
	vmm_symbols_free(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input end = {data + (size < 8 ? 0 : size - 8), data + size};
	struct vmm_file file = {.bytes = malloc(size ? size : 1), .size = size};
	uint64_t pc = fuzz_take(&end, 8);
	struct vmm_error error = {0};
	struct vmm_symbols *symbols;

	claim(file.bytes);
	memcpy(file.bytes, data, size);
	look(vmm_symbols_of_guest(&file), pc);
	claim(!size || !memcmp(file.bytes, data, size));
	symbols = vmm_symbols_open(fuzz_file(data, size), &error);
	claim(!symbols == (error.status == VMM_IMAGE && error.text[0]));
	look(symbols, pc);
	free(file.bytes);
	return 0;
}
