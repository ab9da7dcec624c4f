/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the dynamic linker would load a preload into a program, and if not, what to do. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli.h"
#include "wrap.h"

#if defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#define OUR_MACHINE EM_X86_64
#endif

#define EMBED "or have it link libsalvage, which needs no preload (salvage(1))"

/* As execvp(3) looks. */
static char *find(const char *program)
{
	const char *path = getenv("PATH");
	char *paths, *save = NULL, *found = NULL;

	if (strchr(program, '/'))
		return strdup(program);
	paths = strdup(path ? path : "/bin:/usr/bin");
	for (char *one = strtok_r(paths, ":", &save); one && !found; one = strtok_r(NULL, ":", &save)) {
		if (asprintf(&found, "%s/%s", one, program) < 0)
			found = NULL;
		if (found && access(found, X_OK)) {
			free(found);
			found = NULL;
		}
	}
	free(paths);
	return found;
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_AARCH64:
		return "arm64";
	case EM_X86_64:
		return "x86-64";
	case EM_ARM:
		return "32-bit Arm";
	default:
		return "another machine";
	}
}

/* The program's interpreter, in a buffer of the caller's: "" if it has none, NULL if the file is damaged. */
static const char *interpreter(int fd, const Elf64_Ehdr *header, char *text, size_t size)
{
	for (unsigned i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr program;
		off_t at = (off_t)(header->e_phoff + (uint64_t)i * sizeof(program));

		if (pread(fd, &program, sizeof(program), at) != sizeof(program))
			return NULL;
		if (program.p_type != PT_INTERP)
			continue;
		if (!program.p_filesz || program.p_filesz >= size ||
		    pread(fd, text, program.p_filesz, (off_t)program.p_offset) != (ssize_t)program.p_filesz)
			return NULL;
		text[program.p_filesz] = 0;
		return text;
	}
	return "";
}

/* Why the dynamic linker would ignore a preload (ld.so(8), secure-execution mode), or NULL. */
static const char *secure(const char *path, const struct stat *status)
{
	if (status->st_mode & S_ISUID && status->st_uid != getuid())
		return "it is set-user-ID; run it as its owner";
	if (status->st_mode & S_ISGID && status->st_gid != getgid())
		return "it is set-group-ID; run it with that group";
	if (getuid() && getxattr(path, "security.capability", NULL, 0) > 0)
		return "it has file capabilities; give them to the process instead (systemd's AmbientCapabilities=, or "
		       "setpriv --ambient-caps)";
	return NULL;
}

static int check_elf(const char *path, int fd, const Elf64_Ehdr *header)
{
	char text[256];
	const char *loader;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != OUR_MACHINE)
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: a program for %s, and this is salvage for %s; KVM runs arm64 guests on arm64 "
			"hosts only, \"salvage lab\" has one",
			path, machine_name(header->e_machine), machine_name(OUR_MACHINE));
	loader = interpreter(fd, header, text, sizeof(text));
	if (!loader)
		return cli_fail(CLI_UNAVAILABLE, "wrap", "%s: a damaged ELF file", path);
	if (!*loader)
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: statically linked, and no preload reaches that; take a dynamically linked build of "
			"it, " EMBED,
			path);
	if (!strstr(loader, "ld-linux"))
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: its C library is another than glibc (%s); take a build for glibc, " EMBED, path,
			loader);
	return 0;
}

int wrap_check(const char *program, char **found)
{
	char *path = find(program);
	Elf64_Ehdr header;
	struct stat status;
	const char *why;
	int fd, rc = 0;

	*found = NULL;
	if (!path)
		return cli_fail(CLI_UNAVAILABLE, "wrap",
				"%s: not found in PATH; install it, or give its path", program);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status)) {
		rc = cli_fail(CLI_UNAVAILABLE, "wrap", "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode) || access(path, X_OK)) {
		rc = cli_fail(CLI_UNAVAILABLE, "wrap", "%s: not a program that can be executed", path);
	} else if ((why = secure(path, &status))) {
		rc = cli_fail(CLI_UNAVAILABLE, "wrap", "%s: the dynamic linker loads no preload into it: %s",
			      path, why);
	} else if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
		   !memcmp(header.e_ident, ELFMAG, SELFMAG)) {
		/* Of scripts the interpreter is loaded into, and what that starts. */
		rc = check_elf(path, fd, &header);
	}
	if (fd >= 0)
		close(fd);
	if (rc)
		free(path);
	else
		*found = path;
	return rc;
}
