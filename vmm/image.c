/* SPDX-License-Identifier: BSD-2-Clause */
/* The arm64 Image of Linux: Documentation/arch/arm64/booting.rst. All fields are little-endian. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "loader.h"

struct image_header {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	uint32_t magic, pe_header;
};

_Static_assert(offsetof(struct image_header, magic) == VMM_IMAGE_MAGIC_OFFSET, "the magic's place");

#define IMAGE_BIG_ENDIAN 1
/* Kernels that leave image_size 0 are loaded here. */
#define IMAGE_OLD_OFFSET 0x80000

/*
 * Of a PE file's header and of its section headers (Microsoft's PE/COFF specification), what tells where its
 * contents end.
 */
#define PE_SECTIONS        6
#define PE_OPTIONAL_SIZE   20
#define PE_HEADER_SIZE     24
#define SECTION_SIZE       40
#define SECTION_RAW_SIZE   16
#define SECTION_RAW_OFFSET 20

static uint64_t little(const struct vmm_file *file, uint64_t offset, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && offset + i < file->size; i++)
		value |= (uint64_t)file->bytes[offset + i] << 8 * i;
	return value;
}

/*
 * An Image says how much memory it wants, not how long its file is. Those that are EFI programs as well say
 * that too: a copy that was cut short would otherwise boot half way.
 */
static bool is_truncated(const struct vmm_file *file, uint64_t pe)
{
	uint64_t section;

	if (pe < sizeof(struct image_header))
		return false;
	if (pe + PE_HEADER_SIZE > file->size)
		return true;
	if (memcmp(file->bytes + pe, "PE\0", 4))
		return false;
	section = pe + PE_HEADER_SIZE + little(file, pe + PE_OPTIONAL_SIZE, 2);
	for (uint64_t count = little(file, pe + PE_SECTIONS, 2); count; count--, section += SECTION_SIZE) {
		if (section + SECTION_SIZE > file->size)
			return true;
		if (little(file, section + SECTION_RAW_OFFSET, 4) +
			    little(file, section + SECTION_RAW_SIZE, 4) >
		    file->size)
			return true;
	}
	return false;
}

bool vmm_load_image(const struct vmm_file *file, const char *name, const struct vmm_memory *memory,
		    struct vmm_guest *guest, struct vmm_error *error)
{
	struct image_header header;
	uint64_t offset, size;

	if (file->size < sizeof(header))
		return vmm_fail(error, VMM_IMAGE, "%s: truncated: shorter than an Image's header", name);
	memcpy(&header, file->bytes, sizeof(header));
	if (is_truncated(file, le32toh(header.pe_header)))
		return vmm_fail(error, VMM_IMAGE, "%s: truncated: the kernel is longer than the file", name);
	offset = le64toh(header.text_offset);
	size = le64toh(header.image_size);
	if (le64toh(header.flags) & IMAGE_BIG_ENDIAN)
		return vmm_fail(error, VMM_IMAGE,
				"%s: a big-endian kernel; build it with CONFIG_CPU_LITTLE_ENDIAN", name);
	if (!size) {
		offset = IMAGE_OLD_OFFSET;
		size = file->size;
	}
	/* image_size includes what the file does not: .bss and early page tables. */
	if (size < file->size)
		size = file->size;
	if (offset > memory->size || size > memory->size - offset)
		return vmm_fail(error, VMM_IMAGE,
				"%s: needs 0x%" PRIx64 " bytes at 0x%" PRIx64
				" above the start of RAM, which has 0x%" PRIx64 "; see --mem",
				name, size, offset, memory->size);
	guest->entry = memory->base + offset;
	if (!vmm_load_reserve(guest, guest->entry, size))
		return vmm_fail(error, VMM_INTERNAL, "%s: no place in empty RAM", name);
	memcpy(memory->host + offset, file->bytes, file->size);
	return true;
}
