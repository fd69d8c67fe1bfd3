# A reload keeps what did not change: probing, counter, history, disable and pause.

check web interval=2s fast-interval=500ms rise=2 fall=3
check db interval=5s
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web
backend b4 10.0.0.4 check=db
frontend www 192.0.2.1 primary: b1=1 b2=2 b3=3 b4=4

start
         probe b1 L4OK b2 L4OK b3 L4OK b4 L4OK
         expect told b1 unknown -> up L4OK www 0->1
         expect told b2 unknown -> up L4OK www 0->2
         expect told b3 unknown -> up L4OK www 0->3
         expect told b4 unknown -> up L4OK www 0->4
t=1s     probe b1 L4CON
         operator pause b2
         expect told b2 up -> paused paused by alice www 2->0
         operator disable b3
         expect told b3 up -> disabled disabled by alice www 3->0 flush
t=2s     reload
         expect told nothing
         expect b1 up h=3/4 every=500ms history=up
         expect b2 paused every=never history=paused,up
         expect b3 disabled every=never
         expect b4 up h=4/4

# Another check that is edited, and a backend that comes, do not touch the rest.
check db interval=7s
backend b5 10.0.0.5 check=db
t=3s     reload
         expect told nothing
         expect b1 up h=3/4 history=up
         expect b2 paused
         expect b3 disabled
         expect b4 up h=4/4 every=7s
         expect b5 unknown h=1/4 every=7s

# A backend that leaves is told, and is a new one if it comes back.
drop backend b5
frontend www 192.0.2.1 primary: b2=2 b3=3 b4=4
drop backend b1
t=4s     reload
         expect told b1 up -> removed removed by alice www 1->0 flush
         expect told b5 unknown -> removed removed by alice
         expect b1 gone
backend b1 10.0.0.1 check=web
t=5s     reload
         expect b1 unknown history=
