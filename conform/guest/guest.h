/* SPDX-License-Identifier: BSD-2-Clause */
/* What every guest of the suite has: the channel, one instruction under test, exceptions that are told. */
#ifndef CONFORM_GUEST_H
#define CONFORM_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../channel.h"

/* A guest: its name is found by the row of the case. */
struct guest {
	char name[32];
	void (*function)(void);
};

#define GUEST(name_)                                                                                       \
	static void name_(void);                                                                           \
	__attribute__((section(".guests"), used)) static const struct guest row_##name_ = {#name_, name_}; \
	static void name_(void)

/* Read from the channel before the guest begins. */
extern uint64_t hole, rom, extra, beyond, page, value;

#define PRINT(format, ...)                                   \
	guest_print(format, (const uint64_t[]){__VA_ARGS__}, \
		    sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
void guest_print(const char *format, const uint64_t *values, unsigned count);

#define ASSERT(is, wanted) guest_assert(#is, (uint64_t)(is), (uint64_t)(wanted), __LINE__)
void guest_assert(const char *text, uint64_t is, uint64_t wanted, uint64_t line);

void guest_sync(uint64_t number);
_Noreturn void guest_done(void);
_Noreturn void guest_skip(const char *why);

#define STRING_(text) #text
#define STRING(text)  STRING_(text)

/* The address of what follows goes to the channel, so that transcripts can name it. */
#define MARK "mrs x16, tpidr_el0\n\tadr x17, 77f\n\tstr x17, [x16, #" STRING(CHANNEL_MARK) "]\n77:\t"

/*
 * One instruction under test (or some). outputs are OUT(...), inputs what is left; x16 is the channel's
 * address.
 */
#define OUT(...)                __VA_ARGS__
#define TRY(text, outputs, ...) __asm__ volatile(MARK text:outputs:__VA_ARGS__ : "x16", "x17", "memory")

/* A store to SYNC as the marked instruction. */
#define SYNC(number) TRY("str %0, [x16, #" STRING(CHANNEL_SYNC) "]", , "r"((uint64_t)(number)))

#define READ(name)                                                            \
	({                                                                    \
		uint64_t read_;                                               \
		__asm__ volatile("mrs %0, " name : "=r"(read_) : : "memory"); \
		read_;                                                        \
	})
#define WRITE(name, to) __asm__ volatile("msr " name ", %0\n\tisb" : : "r"((uint64_t)(to)) : "memory")

/* As start.S lays it out. */
struct frame {
	uint64_t x[31];
	uint64_t elr, spsr, esr, far, vector;
};

/*
 * Exceptions are told in a line, then an abort's instruction is skipped. Called with the frame after the
 * line.
 */
extern void (*guest_hook)(struct frame *frame);

/* What is not valid is not told. */
extern bool guest_far_unknown;

/* EL0 with everything but SError and debug masked as spsr says. */
#define SPSR_EL0        0x3c0ul
#define SPSR_EL0_SERROR 0x2c0ul
void guest_el0(void (*function)(void), uint64_t spsr);

/*
 * Addresses to themselves, RAM as Normal memory, the rest as Device memory that is never executed; and
 * CONFORM_ALIAS.
 */
void stage1_on(void);
/* The tables of CONFORM_WALKED: a level 2 table at an address. */
void stage1_walked(uint64_t table);
/* Or memory there, as one block. */
void stage1_block(uint64_t address);

static inline uint64_t alias(uint64_t address)
{
	return address + CONFORM_ALIAS;
}

#endif
