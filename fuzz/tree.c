/* SPDX-License-Identifier: BSD-2-Clause */
/* A device tree: what lies at addresses, and completing its /chosen. An address comes from its last bytes. */
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "vmm/device-tree.h"
#include "vmm/tree.h"

#include "fuzz.h"

static void check_region(const struct place_region *region)
{
	claim(region->first <= region->last && memchr(region->path, 0, sizeof(region->path)));
	for (const char *at = region->path; *at; at++)
		claim(*at > ' ' && *at < 0x7f);
}

static void find(const struct vmm_tree *tree, uint64_t address)
{
	const struct place_region *nearest;
	struct place place;
	bool above;

	vmm_tree_find(tree, address, &place);
	claim(place.kind > PLACE_NONE && place.kind <= PLACE_HOLE && place.guess <= GUESS_ONE_DIGIT);
	if (place.kind != PLACE_HOLE) {
		check_region(&place.at);
		claim(place.at.first <= address && address <= place.at.last);
	}
	if (place.below_known) {
		check_region(&place.below);
		claim(place.below.last < address);
	}
	if (place.above_known) {
		check_region(&place.above);
		claim(place.above.first > address);
	}
	if (place.ram_known) {
		check_region(&place.ram);
		claim(place.ram.last < address);
	}
	if (place.guess) {
		check_region(&place.guessed);
		claim(place.guess == GUESS_UNTRANSLATED ||
		      (place.meant >= place.guessed.first && place.meant <= place.guessed.last));
	}
	nearest = vmm_tree_nearest(&place, address, &above);
	claim(!nearest == !(place.below_known || place.above_known));
	if (nearest)
		claim(nearest == (above ? &place.above : &place.below));
}

/* A copy, which may be reallocated. The command line is the address, so that it is of some length. */
static void amend(const uint8_t *data, size_t size, uint64_t address)
{
	char append[64] = "console=";
	struct vmm_device_tree tree = {.append = address & 1 ? append : NULL,
				       .initrd = address,
				       .initrd_size = address & 2 ? address >> 32 : 0};
	struct vmm_file blob = {.bytes = malloc(size ? size : 1), .size = size};
	struct vmm_error error = {0};
	const char *found;
	int length;

	for (size_t i = 8; i < 8 + (address >> 8) % 48; i++)
		append[i] = 'a';
	claim(blob.bytes);
	memcpy(blob.bytes, data, size);
	if (vmm_device_tree_amend(&tree, "tree", &blob, &error)) {
		claim(!vmm_tree_check(blob.bytes, blob.size));
		if (tree.append) {
			found = fdt_getprop(blob.bytes, fdt_path_offset(blob.bytes, "/chosen"), "bootargs",
					    &length);
			claim(found && (size_t)length == strlen(append) + 1 && !strcmp(found, append));
		}
	} else {
		claim(error.status == VMM_IMAGE && error.text[0]);
		claim(blob.size == size && (!size || !memcmp(blob.bytes, data, size)));
	}
	free(blob.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = {0, 0x1000, 0x0a000000, 0x40000000, UINT64_MAX};
	struct fuzz_input end = {data + (size < 8 ? 0 : size - 8), data + size};
	uint64_t address = fuzz_take(&end, 8);
	struct vmm_tree tree;

	amend(data, size, address);
	/* Reading a file means room for the largest one: not every time. */
	if (size % 64 == 0 && !vmm_tree_load(fuzz_file(data, size), &tree)) {
		find(&tree, address);
		free(tree.fdt);
	}
	if (vmm_tree_check(data, size))
		return 0;
	/* Where the input lies is not ours; a tree is aligned. */
	tree.fdt = malloc(size);
	claim(tree.fdt);
	memcpy(tree.fdt, data, size);
	find(&tree, address);
	for (size_t i = 0; i < COUNT(addresses); i++)
		find(&tree, addresses[i]);
	free(tree.fdt);
	return 0;
}
