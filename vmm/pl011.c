/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "devices.h"

/* Register offsets and fields: DDI 0183, chapter 3. */
enum {
	UARTDR = 0x00,
	UARTFR = 0x18,
	UARTLCR_H = 0x2c,
	UARTCR = 0x30,
	UARTIFLS = 0x34,
	UARTIMSC = 0x38,
	UARTRIS = 0x3c,
	UARTMIS = 0x40,
	UARTICR = 0x44,
	UARTPeriphID0 = 0xfe0,
};

#define FR_RXFE (1u << 4)
#define FR_RXFF (1u << 6)
#define FR_TXFE (1u << 7)

#define LCR_H_FEN (1u << 4)

#define INT_RX (1u << 4)
#define INT_TX (1u << 5)
#define INT_RT (1u << 6)

/* r1p5, whose FIFOs hold 32 characters, then the PrimeCell identification. */
static const uint8_t identification[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

/* The bits that can be written of registers that only remember; 0 for all others. */
static const uint32_t writable[0x50 / 4] = {
	[0x20 / 4] = 0xff,   /* UARTILPR */
	[0x24 / 4] = 0xffff, /* UARTIBRD */
	[0x28 / 4] = 0x3f,   /* UARTFBRD */
	[UARTLCR_H / 4] = 0xff, [UARTCR / 4] = 0xff87, [UARTIFLS / 4] = 0x3f,
	[UARTIMSC / 4] = 0x7ff, [0x48 / 4] = 0x7, /* UARTDMACR */
};

static unsigned depth(const struct vmm_pl011 *uart)
{
	return uart->registers[UARTLCR_H / 4] & LCR_H_FEN ? VMM_PL011_FIFO : 1;
}

/* The receive FIFO level at which UARTRXINTR is raised: UARTIFLS.RXIFLSEL, in eighths. */
static unsigned trigger(const struct vmm_pl011 *uart)
{
	static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7};
	unsigned level = depth(uart) * eighths[uart->registers[UARTIFLS / 4] >> 3 & 7] / 8;

	return level ? level : 1;
}

static void update(struct vmm_pl011 *uart)
{
	bool level = uart->raw & uart->registers[UARTIMSC / 4];

	if (level == uart->level)
		return;
	uart->level = level;
	uart->interrupt(uart->opaque, level);
}

static uint32_t read_data(struct vmm_pl011 *uart)
{
	bool full = uart->count >= depth(uart);
	uint32_t character;

	if (!uart->count)
		return 0;
	character = uart->fifo[uart->first];
	uart->first = (uart->first + 1) % VMM_PL011_FIFO;
	uart->count--;
	if (uart->count < trigger(uart))
		uart->raw &= ~INT_RX;
	if (!uart->count)
		uart->raw &= ~INT_RT;
	if (full)
		uart->room(uart->opaque);
	return character;
}

/* Enabling or disabling the FIFOs empties them. */
static void flush(struct vmm_pl011 *uart)
{
	uart->first = uart->count = 0;
	uart->raw &= ~(INT_RX | INT_RT);
	uart->room(uart->opaque);
}

static uint32_t read_register(struct vmm_pl011 *uart, unsigned offset)
{
	switch (offset) {
	case UARTDR:
		return read_data(uart);
	case UARTFR:
		return FR_TXFE | (uart->count ? 0 : FR_RXFE) | (uart->count >= depth(uart) ? FR_RXFF : 0);
	case UARTRIS:
		return uart->raw;
	case UARTMIS:
		return uart->raw & uart->registers[UARTIMSC / 4];
	}
	if (offset >= UARTPeriphID0)
		return identification[(offset - UARTPeriphID0) / 4];
	return offset < sizeof(uart->registers) ? uart->registers[offset / 4] : 0;
}

static void write_register(struct vmm_pl011 *uart, unsigned offset, uint32_t value)
{
	switch (offset) {
	case UARTDR:
		/* The transmit FIFO drains at once, which takes it through its trigger level every time. */
		uart->raw |= INT_TX;
		break;
	case UARTICR:
		uart->raw &= ~value;
		break;
	default:
		if (offset == UARTLCR_H && (uart->registers[offset / 4] ^ value) & LCR_H_FEN)
			flush(uart);
		if (offset < sizeof(uart->registers))
			uart->registers[offset / 4] = value & writable[offset / 4];
	}
}

static struct vmm_pl011 *uart_of(struct vmm_device *device)
{
	return (struct vmm_pl011 *)((char *)device - offsetof(struct vmm_pl011, device));
}

/* Bytes above the lowest can be read alone; a write that leaves out the lowest byte is no register write. */
static void pl011_read(struct vmm_device *device, uint64_t offset, unsigned size, uint8_t *data)
{
	struct vmm_pl011 *uart = uart_of(device);
	uint32_t value;

	pthread_mutex_lock(&uart->lock);
	value = read_register(uart, offset & ~3u) >> 8 * (offset & 3);
	update(uart);
	pthread_mutex_unlock(&uart->lock);
	for (unsigned i = 0; i < size; i++)
		data[i] = (uint8_t)(value >> 8 * i);
}

static void pl011_write(struct vmm_device *device, uint64_t offset, unsigned size, const uint8_t *data)
{
	struct vmm_pl011 *uart = uart_of(device);
	uint32_t value = 0;

	if (offset & 3)
		return;
	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)data[i] << 8 * i;
	/*
	 * Without the lock, because output may block. UARTCR is not asked: early consoles count on firmware
	 * to have enabled the transmitter.
	 */
	if (offset == UARTDR)
		uart->transmit(uart->opaque, data[0]);
	pthread_mutex_lock(&uart->lock);
	write_register(uart, (unsigned)offset, value);
	update(uart);
	pthread_mutex_unlock(&uart->lock);
}

size_t vmm_pl011_receive(struct vmm_pl011 *uart, const uint8_t *characters, size_t count)
{
	size_t taken = 0;

	pthread_mutex_lock(&uart->lock);
	for (; taken < count && uart->count < depth(uart); taken++)
		uart->fifo[(uart->first + uart->count++) % VMM_PL011_FIFO] = characters[taken];
	/* Hardware reports a timeout once characters have waited for 32 bit periods; here no time passes. */
	if (taken)
		uart->raw |= INT_RT | (uart->count >= trigger(uart) ? INT_RX : 0);
	update(uart);
	pthread_mutex_unlock(&uart->lock);
	return taken;
}

void vmm_pl011_init(struct vmm_pl011 *uart)
{
	memset(uart, 0, sizeof(*uart));
	pthread_mutex_init(&uart->lock, NULL);
	uart->device.place = &vmm_platform[VMM_PL011];
	uart->device.read = pl011_read;
	uart->device.write = pl011_write;
	/* A console would drown everything else in the events. */
	uart->device.quiet = true;
	uart->registers[UARTCR / 4] = 0x300;
	uart->registers[UARTIFLS / 4] = 0x12;
}
