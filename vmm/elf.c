/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "loader.h"

static bool check_header(const Elf64_Ehdr *header, const struct vmm_file *file, const char *name,
			 struct vmm_error *error)
{
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_AARCH64)
		return vmm_fail(error, VMM_IMAGE, "%s: an ELF file, but not for little-endian arm64", name);
	if (header->e_type != ET_EXEC)
		return vmm_fail(error, VMM_IMAGE,
				"%s: an ELF file, but not a static executable with fixed addresses (ET_EXEC)",
				name);
	if (header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum)
		return vmm_fail(error, VMM_IMAGE, "%s: an ELF file without usable program headers", name);
	if (header->e_phnum > VMM_SEGMENTS_MAX)
		return vmm_fail(error, VMM_IMAGE, "%s: %u program headers; at most %u are supported", name,
				header->e_phnum, VMM_SEGMENTS_MAX);
	if (header->e_phoff > file->size ||
	    header->e_phnum * sizeof(Elf64_Phdr) > file->size - header->e_phoff)
		return vmm_fail(error, VMM_IMAGE, "%s: truncated: the program headers lie outside the file",
				name);
	return true;
}

static bool load_segment(const Elf64_Phdr *segment, unsigned number, const struct vmm_file *file,
			 const char *name, const struct vmm_memory *memory, struct vmm_guest *guest,
			 struct vmm_error *error)
{
	uint64_t address = segment->p_paddr, size = segment->p_memsz;

	if (segment->p_filesz > size)
		return vmm_fail(error, VMM_IMAGE, "%s: segment %u is larger in the file than in memory", name,
				number);
	if (segment->p_offset > file->size || segment->p_filesz > file->size - segment->p_offset)
		return vmm_fail(error, VMM_IMAGE, "%s: truncated: segment %u lies outside the file", name,
				number);
	if (address < memory->base || address - memory->base > memory->size ||
	    size > memory->size - (address - memory->base))
		return vmm_fail(error, VMM_IMAGE,
				"%s: segment %u (0x%" PRIx64 " bytes at physical address 0x%" PRIx64
				") is not in RAM (0x%" PRIx64 " bytes at 0x%" PRIx64
				"); link it there, or see --mem",
				name, number, size, address, memory->size, memory->base);
	if (!vmm_load_reserve(guest, address, size))
		return vmm_fail(error, VMM_IMAGE, "%s: segment %u overlaps another", name, number);
	memcpy(memory->host + (address - memory->base), file->bytes + segment->p_offset, segment->p_filesz);
	return true;
}

/*
 * RAM is zero, so what a segment has beyond its file bytes needs no clearing. The entry point is a virtual
 * address; the guest starts with the MMU off, at the physical address its segment gives.
 */
bool vmm_load_elf(const struct vmm_file *file, const char *name, const struct vmm_memory *memory,
		  struct vmm_guest *guest, struct vmm_error *error)
{
	bool entry = false;
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (file->size < sizeof(header))
		return vmm_fail(error, VMM_IMAGE, "%s: truncated: shorter than an ELF header", name);
	memcpy(&header, file->bytes, sizeof(header));
	if (!check_header(&header, file, name, error))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		memcpy(&segment, file->bytes + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_INTERP)
			return vmm_fail(error, VMM_IMAGE, "%s: dynamically linked; link it with -static",
					name);
		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		if (!load_segment(&segment, i, file, name, memory, guest, error))
			return false;
		if (header.e_entry >= segment.p_vaddr && header.e_entry - segment.p_vaddr < segment.p_memsz) {
			guest->entry = segment.p_paddr + (header.e_entry - segment.p_vaddr);
			entry = true;
		}
	}
	if (!entry)
		return vmm_fail(error, VMM_IMAGE, "%s: the entry point 0x%" PRIx64 " lies in no segment",
				name, (uint64_t)header.e_entry);
	if (guest->entry % 4)
		return vmm_fail(error, VMM_IMAGE, "%s: the entry point 0x%" PRIx64 " is not aligned", name,
				(uint64_t)header.e_entry);
	return true;
}
