# A new address is a new server: unknown, probed at once; its frontends wait for its answer or its timeout.

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
         expect told b1 up -> unknown reload by alice www 100->0
         expect b1 unknown h=4/4 every=500ms
         expect waits www
t=10.1s  probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect waits nothing
         expect synced nothing

# One that does not answer: its timeout ends the wait. A void result is no answer.
backend b1 10.0.9.2 check=web
t=20s    reload
         expect told b1 up -> unknown reload by alice www 100->0
t=20.5s  probe b1 ports
         expect waits www
t=20.8s  expect waits nothing
         expect synced www
         probe b1 L4TOUT
         probe b1 L4TOUT
         probe b1 L4TOUT
         expect told b1 unknown -> down L4TOUT www 0->0 flush

# Paused or disabled, it stays so, and nobody waits for it.
t=30s    operator disable b1
         expect told b1 down -> disabled disabled by alice www 0->0 flush
backend b1 10.0.9.3 check=web
         reload
         expect told nothing
         expect b1 disabled every=never
         expect waits nothing
