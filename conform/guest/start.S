/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry, vectors, and the way to EL0 and back. x0: the channel, x1: the guest's function. */
#include "../channel.h"

	.section .head, "ax"
	.globl start
start:
	b	begin
	.balign	8
	.quad	guests, guests_end, vectors	/* struct conform_header */
begin:
	msr	tpidr_el0, x0
	adrp	x2, stack_end
	add	x2, x2, :lo12:stack_end
	mov	sp, x2
	adrp	x2, vectors
	add	x2, x2, :lo12:vectors
	msr	vbar_el1, x2
	mov	x2, #(3 << 20)		/* CPACR_EL1.FPEN */
	msr	cpacr_el1, x2
	isb
	mov	x19, x1
	bl	guest_begin
	blr	x19
	bl	guest_done

#include "vectors.S"

/* void guest_el0(void (*function)(void), uint64_t spsr): runs it at EL0; its SVC is where EL1 goes on. */
	.globl guest_el0, guest_el0_return
guest_el0:
	stp	x19, x20, [sp, #-0x60]!
	stp	x21, x22, [sp, #0x10]
	stp	x23, x24, [sp, #0x20]
	stp	x25, x26, [sp, #0x30]
	stp	x27, x28, [sp, #0x40]
	stp	x29, x30, [sp, #0x50]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	adrp	x2, stack_el0_end
	add	x2, x2, :lo12:stack_el0_end
	msr	sp_el0, x2
	adr	x30, 1f
	eret
1:	svc	#0
guest_el0_return:
	ldp	x21, x22, [sp, #0x10]
	ldp	x23, x24, [sp, #0x20]
	ldp	x25, x26, [sp, #0x30]
	ldp	x27, x28, [sp, #0x40]
	ldp	x29, x30, [sp, #0x50]
	ldp	x19, x20, [sp], #0x60
	ret

	.bss
	.balign	4096
	.skip	8192
stack_end:
	.skip	4096
stack_el0_end:
