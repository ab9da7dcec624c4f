/* SPDX-License-Identifier: BSD-2-Clause */
/* What every test guest has: the platform, checks that end the run, and exceptions that are recorded. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#define UART          0x09000000ul
#define RECORDER      0x0a000000ul
#define RECORDER_END  0x0a010000ul
#define EXIT_REGISTER 0x0a010000ul
#define REGISTER_FILE 0x0a020000ul
#define HOLE          0x0b000000ul
#define RAM           0x40000000ul

/* As start.S lays it out. */
struct frame {
	uint64_t x[31];
	uint64_t elr, spsr, esr, far, vector;
};

/* One vCPU, by TPIDR_EL1. 64 bytes: start.S has room for four. */
struct cpu {
	uint64_t exceptions; /* so far; the rest is the last one's */
	uint64_t esr, far, elr, spsr;
	uint64_t expected; /* exceptions that may still come */
	uint64_t spare[2];
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

/* The only accesses here that go to devices by themselves: the CPU describes each (ISV=1). */
#define PLAIN(type, name, load, store, modifier)                                                         \
	static inline type read##name(uint64_t address)                                                  \
	{                                                                                                \
		type value;                                                                              \
		__asm__ volatile(load " %" modifier "0, [%1]" : "=r"(value) : "r"(address) : "memory");  \
		return value;                                                                            \
	}                                                                                                \
	static inline void write##name(uint64_t address, type value)                                     \
	{                                                                                                \
		__asm__ volatile(store " %" modifier "0, [%1]" : : "r"(value), "r"(address) : "memory"); \
	}

PLAIN(uint8_t, 8, "ldrb", "strb", "w")
PLAIN(uint16_t, 16, "ldrh", "strh", "w")
PLAIN(uint32_t, 32, "ldr", "str", "w")
PLAIN(uint64_t, 64, "ldr", "str", "x")

_Noreturn void guest_exit(unsigned status);
void guest_print(const char *text);
void guest_print_hex(uint64_t value);

/* Ends the run with status 1 and says where. */
_Noreturn void guest_fail(const char *file, unsigned line, const char *what, uint64_t is, uint64_t wanted);

#define EQUAL(is, wanted)                                                    \
	do {                                                                 \
		uint64_t is_ = (uint64_t)(is), wanted_ = (uint64_t)(wanted); \
		if (is_ != wanted_)                                          \
			guest_fail(__FILE__, __LINE__, #is, is_, wanted_);   \
	} while (0)

/* ESR_EL1 (DDI 0487, D24.2). */
#define EC(esr)       ((esr) >> 26 & 0x3f)
#define FSC(esr)      ((esr)&0x3f)
#define FNV(esr)      ((esr) >> 10 & 1)
#define EC_ABORT      0x25 /* data abort from the same level */
#define EC_ABORT_EL0  0x24
#define EC_SVC        0x15
#define EC_STEP_EL0   0x32
#define FSC_EXTERNAL  0x10
#define FSC_ATOMIC    0x35 /* unsupported exclusive or atomic access */
#define FSC_ALIGNMENT 0x21

/*
 * Runs one instruction that must take exactly one abort of this fault status at address, after which it is
 * skipped. operands are those of an asm statement, without its text.
 */
#define ABORTS(address, text, ...) ABORTS_WITH(FSC_EXTERNAL, address, text, __VA_ARGS__)

#define ABORTS_WITH(fsc, address, text, ...)                                                         \
	do {                                                                                         \
		struct cpu *cpu_ = this_cpu();                                                       \
		uint64_t before_ = cpu_->exceptions, pc_;                                            \
		cpu_->expected = 1;                                                                  \
		__asm__ volatile("adr x17, 1f\n1: " text "\n\tmov %0, x17" : "=&r"(pc_)__VA_ARGS__); \
		EQUAL(cpu_->exceptions, before_ + 1);                                                \
		EQUAL(EC(cpu_->esr), EC_ABORT);                                                      \
		EQUAL(FSC(cpu_->esr), fsc);                                                          \
		EQUAL(FNV(cpu_->esr), 0);                                                            \
		EQUAL(cpu_->far, address);                                                           \
		EQUAL(cpu_->elr, pc_);                                                               \
		cpu_->expected = 0;                                                                  \
	} while (0)

/* A test guest. x0 of the boot protocol. Returning is success. */
void guest_main(uint64_t dtb);

/* May be replaced by a guest that handles more than expected aborts. True: handled. */
bool guest_handle(struct frame *frame);

/* PSCI by HVC (DEN 0022). */
int64_t guest_psci(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
#define PSCI_CPU_ON       0xc4000003ul
#define PSCI_SYSTEM_OFF   0x84000008ul
#define PSCI_SYSTEM_RESET 0x84000009ul

void start_secondary(void);

#endif
