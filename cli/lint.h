/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of "salvage lint": the user's QEMU is started with the plugin (lint-qemu.c), which fills a report
 * (../lint/report.h) while QEMU's log is read for the accesses that meet nothing (lint-log.c); afterwards
 * QEMU's memory map (lint-map.c) and the guest's ELF files (lint-code.c) give names to addresses, and both
 * become findings (lint-findings.c) that are printed (lint-print.c).
 */
#ifndef LINT_H
#define LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "explain.h"
#include "report.h"

/* --- QEMU's memory map --- */

#define LINT_MAP_REGIONS 4096

struct lint_region {
	char name[LINT_NAME]; /* printable ASCII */
	uint64_t first, last;
	uint64_t offset; /* in the region that carries the name, of first */
	bool memory;     /* RAM or ROM, and no device */
};

struct lint_map {
	struct lint_region *list;
	size_t count;
};

/*
 * Reads what QEMU's monitor prints for "info mtree -f": the view of the address space "memory", that of the
 * CPUs. False if the text has none, or memory ran out. Freed by lint_map_free.
 */
bool lint_map_parse(const char *text, struct lint_map *map);
void lint_map_free(struct lint_map *map);

/* What holds the address, or NULL; below and above get the nearest devices if there is nothing, or NULL. */
const struct lint_region *lint_map_find(const struct lint_map *map, uint64_t address,
					const struct lint_region **below, const struct lint_region **above);

/* --- QEMU's log --- */

/* An access that the guest got an external abort for, or that QEMU says met nothing. */
struct lint_abort {
	bool has_pc; /* else nothing but address, write and hole is known */
	uint64_t pc, va;
	unsigned level; /* it came from */
	bool write;
	bool has_address; /* physical; else of the region name: its offset */
	bool hole;
	uint64_t address;
	char name[LINT_NAME]; /* of the region that refused it; "" if none did */
	bool has_word;
	uint32_t word; /* at pc, as it was then */
	uint64_t count;
};

#define LINT_ABORTS  1024
#define LINT_PENDING 8

/* Accesses that were logged, and may yet turn out to be why an exception was taken. */
struct lint_invalid {
	bool write;
	uint64_t address; /* physical, or in the region name */
	char name[LINT_NAME];
};

struct lint_log {
	const struct lint_report *report; /* for the words; may be NULL */
	struct lint_abort *list;          /* LINT_ABORTS */
	size_t count;
	uint64_t dropped;
	/* private */
	struct lint_invalid pending[LINT_PENDING];
	size_t pending_count;
	bool data, fetch; /* in an exception of that kind */
	uint64_t esr, far, elr;
	unsigned level, seen;
	char line[256];
	size_t length;
};

/* False if memory ran out. Freed by lint_log_free. */
bool lint_log_init(struct lint_log *log, const struct lint_report *report);
void lint_log_free(struct lint_log *log);

/* The next bytes of the log, which may end anywhere in a line. */
void lint_log_feed(struct lint_log *log, const char *bytes, size_t length);

/* The log has ended. */
void lint_log_end(struct lint_log *log);

/* --- the guest's code --- */

struct lint_code;

struct lint_place {
	char symbol[160];   /* "NAME+0xOFFSET", or "" */
	char function[128]; /* the innermost, which may have been inlined; "" without debug information */
	char file[256];
	int line; /* 0: not known */
};

/* Without files, finds nothing. NULL if memory ran out. */
struct lint_code *lint_code_new(void);
void lint_code_free(struct lint_code *code);

/* Adds an ELF file. NULL, or why it is of no use as a text that lasts until the next call. */
const char *lint_code_add(struct lint_code *code, const char *path);
void lint_code_find(struct lint_code *code, uint64_t pc, struct lint_place *place);

/* --- findings --- */

enum lint_kind {
	LINT_DEVICE,  /* a device was accessed */
	LINT_HOLE,    /* there is nothing at the address */
	LINT_REFUSED, /* a device was accessed, and under QEMU refuses that access */
	LINT_KIND_COUNT
};

/* "device", "hole", "refused". */
const char *lint_kind_name(enum lint_kind kind);

struct lint_found {
	enum lint_kind kind;
	bool has_pc, has_word, has_address, has_offset;
	bool described; /* the CPU would describe it: ISV=1 */
	uint64_t pc;
	uint32_t word;
	char text[96]; /* disassembly, "" without */
	const struct insn_kind *insn;
	char device[LINT_NAME];         /* "" if not known */
	uint64_t address, address_last; /* physical */
	uint64_t offset, offset_last;   /* in the device */
	uint64_t va;                    /* of the first access in an abort */
	bool has_va;
	uint64_t loads, stores;
	unsigned levels; /* bit n: ELn */
	const struct lint_region *below, *above;
	struct lint_place place;
};

struct lint_findings {
	struct lint_found *list;
	size_t count;
	uint64_t undescribed; /* of list: those that KVM could not decode */
	/* What was lost or could not be seen. */
	uint64_t dropped, unwatched, aarch32;
	bool watched;       /* the guest ran code */
	bool logged;        /* holes were looked for */
	const char *no_log; /* else why not */
	bool has_levels;
};

/* Puts together what is known. map may have nothing. False if memory ran out. Freed by lint_findings_free. */
bool lint_findings_make(struct lint_findings *findings, const struct lint_report *report,
			const struct lint_log *log, const struct lint_map *map, struct lint_code *code);
void lint_findings_free(struct lint_findings *findings);

void lint_print(const struct lint_findings *findings, FILE *out);

/* One object a line. False if memory ran out. */
bool lint_print_json(const struct lint_findings *findings, FILE *out);

/* --- QEMU --- */

struct lint_qemu {
	char **words; /* the user's command line, NULL-terminated; not ours */
	int count;
	int program; /* index of the word that names QEMU */
	/* What the options say, or NULL. */
	const char *kernel;
	const char *logging; /* the user's own option for QEMU's log */
	/* By asking QEMU. */
	bool asked, plugins, log_int, log_invalid;
	char version[64]; /* "7.2.22", "" if not asked */
};

/* Fills in words and count, and what the options say. 0, or the status of an error that was printed. */
int lint_qemu_read(struct lint_qemu *qemu, int count, char **words);

/* Asks QEMU what it is. 0, or the status of an error that was printed. */
int lint_qemu_ask(struct lint_qemu *qemu);

/* Its memory map. False if it cannot be had, which is no error. */
bool lint_qemu_map(const struct lint_qemu *qemu, struct lint_map *map);

/*
 * Runs the guest to its end, with the plugin, which gets the file descriptor of the report; the log goes to
 * log if that is not NULL. 0 with *wait, as of wait(2), or the status of an error that was printed.
 */
int lint_qemu_run(const struct lint_qemu *qemu, const char *plugin, int report, struct lint_log *log,
		  int *wait);

#endif
