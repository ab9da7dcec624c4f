/* SPDX-License-Identifier: BSD-2-Clause */
/* What salvage doctor looks at, and the lines it makes of that. One thread. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <salvage/kvm.h>

enum doctor_state {
	DOCTOR_OK,   /* is there */
	DOCTOR_NOTE, /* worth knowing; salvage wrap works all the same */
	DOCTOR_LACK, /* salvage wrap cannot work without it */
};

/* The host as it is looked at. Tests look at hosts that they have made. */
struct doctor {
	const char *root;                 /* where the host's files are: "" or a directory */
	const char *machine, *release;    /* uname's */
	const struct sv_kvm_backend *kvm; /* asks what was opened as /dev/kvm */
	uid_t user, group;                /* who would run the VMM */
	json_t *lines;                    /* what was found: state, what, detail, and remedy or null */
	bool lacking;                     /* a line was DOCTOR_LACK */
};

/* False if there is no memory. doctor_end also takes what doctor_begin could not make. */
bool doctor_begin(struct doctor *doctor);
void doctor_end(struct doctor *doctor);

/* Adds a line. remedy is what to do about it, or NULL. */
void doctor_say(struct doctor *doctor, enum doctor_state state, const char *what, const char *remedy,
		const char *detail, ...) __attribute__((format(printf, 5, 6)));

/* Prints the lines, as text or as one JSON object each. False if standard output took them not. */
bool doctor_print(const struct doctor *doctor, bool json);

/* A file of the host, e.g. "/dev/kvm", below doctor's root; to be freed. NULL without memory. */
char *doctor_path(const struct doctor *doctor, const char *name);

/* The first line of a small file of the host, without its newline; false if it cannot be read. */
bool doctor_read(const struct doctor *doctor, const char *name, char *line, size_t size);

/* Kernel, /dev/kvm and its capabilities, memory errors, seccomp, AppArmor, SELinux. */
void doctor_host(struct doctor *doctor);

/* The preload at path; NULL: it was found nowhere. */
void doctor_preload(struct doctor *doctor, const char *path);

/*
 * Whether a program can be wrapped: name as on a command line, looked for in search (PATH's form; NULL: none)
 * if it has no slash.
 */
void doctor_program(struct doctor *doctor, const char *name, const char *search);

/* A VMM that runs: its program, how it was started, its filters, who confines it. */
void doctor_process(struct doctor *doctor, pid_t pid);

/* The laboratory's parts. */
void doctor_laboratory(struct doctor *doctor);

#endif
