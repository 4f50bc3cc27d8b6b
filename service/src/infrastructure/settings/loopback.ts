const LOOPBACK = ['localhost', '127.0.0.1', '::1', '[::1]']

export const isLoopback = (host: string): boolean => LOOPBACK.includes(host)
