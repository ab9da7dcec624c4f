/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the dynamic linker would take the preload into a program. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "doctor.h"
#include "program.h"

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_AARCH64, "arm64"},  {EM_X86_64, "x86-64"}, {EM_386, "x86"},
	{EM_ARM, "32-bit Arm"}, {EM_RISCV, "RISC-V"},  {EM_PPC64, "POWER"},
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another architecture";
}

/* The interpreter's path, or an empty string. */
static void read_interpreter(Elf *elf, int fd, struct program *program)
{
	size_t count;
	GElf_Phdr segment;

	if (elf_getphdrnum(elf, &count))
		return;
	for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &segment); i++) {
		if (segment.p_type != PT_INTERP || segment.p_filesz >= sizeof(program->interpreter))
			continue;
		program->dynamic = true;
		if (pread(fd, program->interpreter, segment.p_filesz, (off_t)segment.p_offset) < 0)
			program->interpreter[0] = 0;
	}
}

/* Whether a symbol is wanted of a library. */
static bool imports(Elf *elf, const char *wanted)
{
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section)) {
		Elf_Data *data = elf_getdata(section, NULL);
		GElf_Shdr header;
		GElf_Sym symbol;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
			continue;
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
		read_interpreter(elf, fd, program);
		program->imports_ioctl = imports(elf, "ioctl");
	}
	elf_end(elf);
	return read;
}

/* An ELF file of arm64 that the preload can be loaded into. */
static void look_at_elf(struct doctor *doctor, const char *path, const struct program *program)
{
	if (program->machine != EM_AARCH64) {
		doctor_say(doctor, DOCTOR_LACK, "VMM",
			   "take the arm64 build; under plain emulation \"salvage lint\" finds the accesses",
			   "%s is for %s, the preload for arm64", path, machine_name(program->machine));
		return;
	}
	doctor_say(doctor, DOCTOR_OK, "VMM", NULL, "%s is for arm64", path);
	if (!program->dynamic) {
		doctor_say(doctor, DOCTOR_LACK, "linking",
			   "link it dynamically against glibc, or call libsalvage from it",
			   "it is static: nothing can be preloaded");
		return;
	}
	if (strstr(program->interpreter, "ld-musl")) {
		doctor_say(doctor, DOCTOR_LACK, "linking", "take a build for glibc",
			   "it is dynamic, but for musl (%s); the preload is for glibc",
			   program->interpreter);
		return;
	}
	doctor_say(doctor, DOCTOR_OK, "linking", NULL, "it is dynamic (%s)", program->interpreter);
	if (!program->imports_ioctl)
		doctor_say(
			doctor, DOCTOR_NOTE, "ioctl",
			"if none of its libraries does, link it against the C library's ioctl",
			"it does not call the C library's ioctl itself; requests that it makes by system calls "
			"of its own cannot be seen");
}

/* What makes the kernel set AT_SECURE, on which the dynamic linker ignores LD_PRELOAD's paths (ld.so(8)). */
static void look_at_privileges(struct doctor *doctor, int fd)
{
	bool other_user, other_group, capable;
	struct stat info;

	if (fstat(fd, &info))
		return;
	other_user = info.st_mode & S_ISUID && info.st_uid != doctor->user;
	other_group = info.st_mode & S_ISGID && info.st_mode & S_IXGRP && info.st_gid != doctor->group;
	/* Root gains nothing by a file's capabilities, so they do not count for it. */
	capable = doctor->user && fgetxattr(fd, "security.capability", NULL, 0) > 0;
	if (other_user || other_group)
		doctor_say(doctor, DOCTOR_LACK, "AT_SECURE",
			   "run it as that user without the bit, or wrap a copy of it: cp VMM COPY",
			   "it is set-%s-ID: the dynamic linker ignores the preload",
			   other_user ? "user" : "group");
	else if (capable)
		doctor_say(doctor, DOCTOR_LACK, "AT_SECURE",
			   "wrap a copy of it (cp VMM COPY), and give it those rights another way: ambient "
			   "capabilities, the group kvm",
			   "it has file capabilities: the dynamic linker ignores the preload");
	else
		doctor_say(doctor, DOCTOR_OK, "AT_SECURE", NULL,
			   "neither set-user-ID nor set-group-ID nor file capabilities matter here");
}

/* A script passes its environment on: what it starts in the end is what counts. */
static bool is_script(int fd, char *interpreter, size_t size)
{
	char line[256] = "";
	ssize_t length = pread(fd, line, sizeof(line) - 1, 0);

	if (length < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[strcspn(line, "\n")] = 0;
	snprintf(interpreter, size, "%.200s", line + 2 + strspn(line + 2, " \t"));
	return true;
}

void doctor_open_program(struct doctor *doctor, const char *path, const char *shown, bool start)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = errno;
	struct program program;
	char interpreter[256];

	if (fd < 0) {
		doctor_say(doctor, DOCTOR_LACK, "VMM", "look as a user who may read it",
			   "%s cannot be read: %s", shown, strerror(error));
	} else if (program_read(fd, &program)) {
		look_at_elf(doctor, shown, &program);
		if (start)
			look_at_privileges(doctor, fd);
	} else if (is_script(fd, interpreter, sizeof(interpreter))) {
		doctor_say(doctor, DOCTOR_NOTE, "VMM", "look at the program that it starts, by its path",
			   "%s is a script for %s; the preload goes along with the environment", shown,
			   interpreter);
	} else {
		doctor_say(doctor, DOCTOR_LACK, "VMM", "name the VMM's binary",
			   "%s is neither an ELF file nor a script", shown);
	}
	if (fd >= 0)
		close(fd);
}

static bool is_program(const char *path)
{
	struct stat info;

	return !stat(path, &info) && S_ISREG(info.st_mode) && info.st_mode & 0111;
}

/* The path on the host that a command line's name stands for; NULL: there is none. */
static char *find(const struct doctor *doctor, const char *name, const char *search)
{
	char *copy, *rest, *directory, *found = NULL;

	if (strchr(name, '/'))
		return strdup(name);
	copy = rest = strdup(search ? search : "");
	while (!found && (directory = strsep(&rest, ":"))) {
		char *path = NULL, *candidate = NULL;

		if (asprintf(&candidate, "%s/%s", *directory ? directory : ".", name) > 0 &&
		    (path = doctor_path(doctor, candidate)) && is_program(path))
			found = candidate;
		else
			free(candidate);
		free(path);
	}
	free(copy);
	return found;
}

void doctor_program(struct doctor *doctor, const char *name, const char *search)
{
	char *found = find(doctor, name, search), *path = found ? doctor_path(doctor, found) : NULL;

	if (!path || access(path, F_OK))
		doctor_say(doctor, DOCTOR_LACK, "VMM", "give its path, or install it", "%s is not there%s",
			   name, strchr(name, '/') ? "" : ", nor in PATH");
	else if (!is_program(path))
		doctor_say(doctor, DOCTOR_LACK, "VMM", "name the VMM's binary", "%s cannot be executed",
			   found);
	else
		doctor_open_program(doctor, path, found, true);
	free(path);
	free(found);
}

void doctor_preload(struct doctor *doctor, const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct program program;

	if (fd < 0)
		doctor_say(doctor, DOCTOR_LACK, "preload",
			   "build it with \"make arm64\", or install salvage whole",
			   "libsalvage-wrap.so is not there");
	else if (!program_read(fd, &program) || program.type != ET_DYN)
		doctor_say(doctor, DOCTOR_LACK, "preload", "install salvage again", "%s is no library", path);
	else if (program.machine != EM_AARCH64)
		doctor_say(doctor, DOCTOR_LACK, "preload", "build it with \"make arm64\"", "%s is for %s",
			   path, machine_name(program.machine));
	else
		doctor_say(doctor, DOCTOR_OK, "preload", NULL, "%s is for arm64", path);
	if (fd >= 0)
		close(fd);
}
