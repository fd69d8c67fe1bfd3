# A new address is a new server: unknown, probed at once. The previous server serves until the new one has a verdict.

check web interval=2s fast-interval=500ms timeout=800ms rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 b2=50
frontend api 192.0.2.2 only: b2=10

start
         probe b1 L4OK b2 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> up L4OK www 0->50 api 0->10

backend b1 10.0.9.1 check=web
t=10s    reload
         expect told b1 up -> unknown reload by alice www 100->100
         expect b1 unknown h=4/4 every=500ms
         expect servers www 10.0.0.1=100 10.0.0.2=50
t=10.1s  probe b1 L4OK
         expect told b1 unknown -> up L4OK www 100->100
         expect servers www 10.0.9.1=100 10.0.0.2=50

# One that does not answer needs as many failures as any other; a void result is none. The rest goes on.
backend b1 10.0.9.2 check=web
t=20s    reload
         expect told b1 up -> unknown reload by alice www 100->100
t=20.5s  probe b1 ports
t=21s    probe b1 L4TOUT
         probe b1 L4TOUT
         operator disable b2
         expect told b2 up -> disabled disabled by alice www 50->0 flush api 10->0 flush
         expect servers www 10.0.9.1=100 10.0.0.2=0
t=22s    probe b1 L4TOUT
         expect told b1 unknown -> down L4TOUT www 100->0 flush
         expect servers www 10.0.9.2=0 10.0.0.2=0

# Paused or disabled, it stays so, and the servers are swapped at once.
t=30s    operator disable b1
         expect told b1 down -> disabled disabled by alice www 0->0 flush
backend b1 10.0.9.3 check=web
         reload
         expect told nothing
         expect b1 disabled every=never
         expect servers www 10.0.9.3=0 10.0.0.2=0

# Back to the address that it came from: the wait is over.
t=40s    operator enable b1
         expect told b1 disabled -> unknown enabled by alice www 0->0
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
backend b1 10.0.9.4 check=web
         reload
         expect told b1 up -> unknown reload by alice www 100->100
backend b1 10.0.9.3 check=web
         reload
         expect told b1 unknown -> up reload by alice www 100->100
         expect b1 up h=4/4
         expect servers www 10.0.9.3=100 10.0.0.2=0
