/* SPDX-License-Identifier: BSD-2-Clause */
/* What the preload has to know of a program. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
	uint16_t machine, type; /* EM_*, ET_* */
	bool elf64;             /* ELFCLASS64 */
	bool damaged;           /* program headers or interpreter cannot be read, or make no sense */
	bool dynamic;           /* it has an interpreter, */
	char interpreter[256];  /* this one */
	bool imports_ioctl;
};

/* False if fd is no ELF file; *program is all 0 then. */
bool program_read(int fd, struct program *program);

/* For people, of EM_*; "another architecture" if it is none of those that salvage may meet. */
const char *program_machine_name(uint16_t machine);

/* What makes the kernel set AT_SECURE, on which the dynamic linker ignores LD_PRELOAD's paths (ld.so(8)). */
enum program_privilege {
	PROGRAM_PLAIN,
	PROGRAM_SET_USER_ID,
	PROGRAM_SET_GROUP_ID,
	PROGRAM_CAPABILITIES,
};

/* The first of them that a start of the file by this user and group would meet; fd that cannot be asked: none. */
enum program_privilege program_privilege(int fd, uid_t user, gid_t group);

#endif
