/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the dynamic linker would take the preload into a program. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "program.h"

/* An ELF file of arm64 that the preload can be loaded into. */
static void look_at_elf(struct doctor *doctor, const char *path, const struct program *program)
{
	if (program->machine != EM_AARCH64) {
		doctor_say(doctor, DOCTOR_LACK, "VMM",
			   "take the arm64 build; under plain emulation \"salvage lint\" finds the accesses",
			   "%s is for %s, the preload for arm64", path,
			   program_machine_name(program->machine));
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

static void look_at_privileges(struct doctor *doctor, int fd)
{
	enum program_privilege privilege = program_privilege(fd, doctor->user, doctor->group);

	if (privilege == PROGRAM_PLAIN)
		doctor_say(doctor, DOCTOR_OK, "AT_SECURE", NULL,
			   "neither set-user-ID nor set-group-ID nor file capabilities matter here");
	else if (privilege == PROGRAM_CAPABILITIES)
		doctor_say(doctor, DOCTOR_LACK, "AT_SECURE",
			   "wrap a copy of it (cp VMM COPY), and give it those rights another way: ambient "
			   "capabilities, the group kvm",
			   "it has file capabilities: the dynamic linker ignores the preload");
	else
		doctor_say(doctor, DOCTOR_LACK, "AT_SECURE",
			   "run it as that user without the bit, or wrap a copy of it: cp VMM COPY",
			   "it is set-%s-ID: the dynamic linker ignores the preload",
			   privilege == PROGRAM_SET_USER_ID ? "user" : "group");
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
			   path, program_machine_name(program.machine));
	else
		doctor_say(doctor, DOCTOR_OK, "preload", NULL, "%s is for arm64", path);
	if (fd >= 0)
		close(fd);
}
