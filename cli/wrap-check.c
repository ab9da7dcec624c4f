/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the dynamic linker would load a preload into a program, and if not, what to do. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "program.h"
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

/* Why the dynamic linker would ignore a preload, and what to do. */
static const char *const secure[] = {
	[PROGRAM_SET_USER_ID] = "it is set-user-ID; run it as its owner",
	[PROGRAM_SET_GROUP_ID] = "it is set-group-ID; run it with that group",
	[PROGRAM_CAPABILITIES] = "it has file capabilities; give them to the process instead (systemd's "
				 "AmbientCapabilities=, or setpriv --ambient-caps)",
};

static int check_elf(const char *path, const struct program *program)
{
	if (!program->elf64 || program->machine != OUR_MACHINE)
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: a program for %s, and this is salvage for %s; KVM runs arm64 guests on arm64 "
			"hosts only, \"salvage lab\" has one",
			path, program_machine_name(program->machine), program_machine_name(OUR_MACHINE));
	if (program->damaged)
		return cli_fail(CLI_UNAVAILABLE, "wrap", "%s: a damaged ELF file", path);
	if (!program->dynamic)
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: statically linked, and no preload reaches that; take a dynamically linked build of "
			"it, " EMBED,
			path);
	if (!strstr(program->interpreter, "ld-linux"))
		return cli_fail(
			CLI_UNAVAILABLE, "wrap",
			"%s: its C library is another than glibc (%s); take a build for glibc, " EMBED, path,
			program->interpreter);
	return 0;
}

int wrap_check(const char *program, char **found)
{
	char *path = find(program);
	enum program_privilege privilege;
	struct program elf;
	struct stat status;
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
	} else if ((privilege = program_privilege(fd, getuid(), getgid()))) {
		rc = cli_fail(CLI_UNAVAILABLE, "wrap", "%s: the dynamic linker loads no preload into it: %s",
			      path, secure[privilege]);
	} else if (program_read(fd, &elf)) {
		/* Of scripts the interpreter is loaded into, and what that starts. */
		rc = check_elf(path, &elf);
	}
	if (fd >= 0)
		close(fd);
	if (rc)
		free(path);
	else
		*found = path;
	return rc;
}
