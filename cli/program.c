/* SPDX-License-Identifier: BSD-2-Clause */
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "program.h"

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_AARCH64, "arm64"},  {EM_X86_64, "x86-64"}, {EM_386, "x86"},
	{EM_ARM, "32-bit Arm"}, {EM_RISCV, "RISC-V"},  {EM_PPC64, "POWER"},
};

const char *program_machine_name(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another architecture";
}

static void read_interpreter(Elf *elf, const GElf_Ehdr *header, int fd, struct program *program)
{
	size_t count;
	GElf_Phdr segment;

	/* Of a file that ends before its program headers libelf says that it has none. */
	program->damaged = elf_getphdrnum(elf, &count) || (header->e_phnum && !count);
	for (size_t i = 0; !program->damaged && i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment)) {
			program->damaged = true;
			return;
		}
		if (segment.p_type != PT_INTERP)
			continue;
		program->dynamic = true;
		program->damaged = !segment.p_filesz || segment.p_filesz >= sizeof(program->interpreter) ||
				   pread(fd, program->interpreter, segment.p_filesz,
					 (off_t)segment.p_offset) != (ssize_t)segment.p_filesz;
		if (program->damaged)
			program->interpreter[0] = 0;
		return;
	}
}

/* Whether a symbol is wanted of a library. */
static bool imports(Elf *elf, const char *wanted)
{
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section)) {
		Elf_Data *data;
		GElf_Shdr header;
		GElf_Sym symbol;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
			const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);

			if (symbol.st_shndx == SHN_UNDEF && name && !strcmp(name, wanted))
				return true;
		}
	}
	return false;
}

bool program_read(int fd, struct program *program)
{
	GElf_Ehdr header;
	Elf *elf;
	bool read;

	*program = (struct program){0};
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	read = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header);
	if (read) {
		program->machine = header.e_machine;
		program->type = header.e_type;
		program->elf64 = header.e_ident[EI_CLASS] == ELFCLASS64;
		read_interpreter(elf, &header, fd, program);
		program->imports_ioctl = imports(elf, "ioctl");
	}
	elf_end(elf);
	return read;
}

enum program_privilege program_privilege(int fd, uid_t user, gid_t group)
{
	struct stat info;

	if (fstat(fd, &info))
		return PROGRAM_PLAIN;
	if (info.st_mode & S_ISUID && info.st_uid != user)
		return PROGRAM_SET_USER_ID;
	/* Without the group's right to execute, the bit says something else (inode(7)). */
	if (info.st_mode & S_ISGID && info.st_mode & S_IXGRP && info.st_gid != group)
		return PROGRAM_SET_GROUP_ID;
	/* Root gains nothing by a file's capabilities, so they do not count for it. */
	if (user && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return PROGRAM_CAPABILITIES;
	return PROGRAM_PLAIN;
}
