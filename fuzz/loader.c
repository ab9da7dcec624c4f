/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's file, ELF, Image or flat, into a little RAM, an initrd beside it. The last byte says how much. */
#include <stdlib.h>
#include <string.h>

#include "vmm/loader.h"

#include "fuzz.h"

#define BASE UINT64_C(0x40000000)
#define PAGE 4096

static void check_guest(const struct vmm_guest *guest, const struct vmm_memory *memory)
{
	const struct sv_ranges *used = &guest->used;
	uint64_t last = memory->base + memory->size - 1;

	claim(used->count && used->count <= COUNT(guest->ranges));
	for (size_t i = 0; i < used->count; i++) {
		claim(used->used[i].first <= used->used[i].last);
		claim(used->used[i].first >= memory->base && used->used[i].last <= last);
		claim(!i || used->used[i].first > used->used[i - 1].last);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t shape = size ? data[size - 1] : 0, some[64] = {0};
	struct vmm_memory memory = {.base = BASE, .size = (uint64_t)(1 + (shape & 0xf)) * PAGE};
	struct vmm_file file = {.size = size}, initrd = {.bytes = some, .size = 1 + (shape >> 4) * 4u};
	struct vmm_error error = {0};
	struct vmm_guest guest;
	uint64_t address;

	/* Ends where RAM ends, for the sanitizer; the file is only read. */
	memory.host = malloc(memory.size);
	file.bytes = malloc(size ? size : 1);
	claim(memory.host && file.bytes);
	memcpy(file.bytes, data, size);
	if (size && vmm_load(&file, "guest", shape & 0x80, &memory, &guest, &error)) {
		check_guest(&guest, &memory);
		claim(!(guest.entry % 4) || data[0] != 0x7f);
		if (vmm_load_high(&initrd, "initrd", 1u << (shape >> 5), &memory, &guest, &address, &error)) {
			claim(!(address % (1u << (shape >> 5))));
			claim(address >= BASE && address + initrd.size <= BASE + memory.size);
			check_guest(&guest, &memory);
		} else {
			claim(error.status == VMM_IMAGE && error.text[0]);
		}
	} else if (size) {
		claim((error.status == VMM_IMAGE) && error.text[0]);
	}
	free(memory.host);
	free(file.bytes);
	return 0;
}
